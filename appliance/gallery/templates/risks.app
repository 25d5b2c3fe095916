# category: Safety
# keywords: risk, register, probability, impact, mitigation, risiko, risikobewertung, risque, riesgo
app "Risk Register"
about "What could go wrong, how bad it would be, and who takes care."
role Contributor
role Risk Manager
entity Risk
  number sequence(R-001)
  title text required
  description longtext
  area choice(operations, finance, people, IT, legal, environment) required
  owner person required
  probability number required
  impact number required
  score number = probability * impact
  found_on date default today
  review_on date
  state choice(open, reduced, accepted, closed) default open
entity Treatment
  risk ref(Risk) required
  measure text required
  responsible person required
  due date required
  cost money
  done boolean
access Risk: Contributor create, read, edit own; Risk Manager all
access Treatment: Contributor read, edit own; Risk Manager all
rule Risk on create, edit: probability >= 1 and probability <= 5 and impact >= 1 and impact <= 5 else "Rate probability and impact from 1 to 5."
action Treatment "Done" for Risk Manager, responsible when not done: done = true
remind Risk 7 days before review_on to owner where state != closed "Look at {title} again"
mark Risk red where score >= 15 and state != closed
mark Risk orange where score >= 8 and score < 15 and state != closed
page "Overview" dashboard: count Risk where score >= 15 and state != closed, sum cost of Treatment where not done, bar Risk by area, bar Risk by state
page "Register" table Risk (number, title, area, owner, score, state) sort score down
page "Treatments" table Treatment where not done
page "Reviews" calendar Risk by review_on
page "Report" report Risk (number, title, owner, probability, impact, score) by area
example Risk: -, "Single supplier for resin", -, operations, "anna@example.org", 4, 4, -, 2026-09-01, 2026-12-10
example Risk: -, "Backup never restored", -, IT, "ben@example.org", 2, 5, -, 2026-10-12, 2027-01-15
example Treatment: "R-001", "Qualify second source", "anna@example.org", 2027-02-01, 8000

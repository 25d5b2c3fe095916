# category: Safety
# keywords: incident, accident, safety, near miss, injury, hazard, unfall, vorfall, arbeitsschutz, incident, sécurité, accidente, seguridad
app "Safety Incidents"
about "What happened, why, and what is done so that it does not happen again."
role Employee
role Safety Officer
entity Incident
  number sequence(INC-0001)
  title text required
  happened_at datetime required
  place text required
  kind choice(near miss, injury, damage, environment) required
  severity choice(low, medium, high, critical) required default low
  description longtext
  reported_by person default me
  people_involved text
  first_aid boolean
  immediate_action longtext
  root_cause longtext
  photo image
  state choice(reported, in analysis, measures running, closed) default reported
  open_measures number = count(Measure by incident where not done)
entity Measure
  incident ref(Incident) required
  title text required
  responsible person required
  due date required
  done boolean
  done_on date
  effective choice(not yet known, yes, no) default not yet known
  notes longtext
access Incident: Employee create, read own; Safety Officer all
access Measure: Employee read own, edit own; Safety Officer all
rule Incident on edit: state != closed or open_measures = 0 else "Finish all measures before closing."
action Measure "Done" for Safety Officer, responsible when not done: done = true, done_on = today
remind Measure 2 days before due to responsible where not done "Measure due: {title}"
mark Incident red where severity in (high, critical) and state != closed
mark Measure red where due < today and not done
page "Overview" dashboard: count Incident where state != closed, count Measure where not done and due < today, bar Incident by kind, bar Incident by severity
page "Report an incident" form Incident
page "Incidents" table Incident
page "Board" board Incident by state
page "Measures" table Measure where not done
page "Per month" chart bar Incident by happened_at per month count
example Incident: -, "Pallet fell from rack", 2026-11-12T07:40, "Hall 2", near miss, medium, "A pallet slipped while being put away."
example Incident: -, "Cut while opening box", 2026-11-17T14:05, "Packing", injury, low
example Measure: "INC-0001", "Check rack locks", "anna@example.org", 2026-12-04

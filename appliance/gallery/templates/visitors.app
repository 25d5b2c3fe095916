# category: Office
# keywords: visitor, reception, guest, front desk, sign in, badge, besucher, empfang, gäste, visiteur, accueil, visitante, recepción
app "Front Desk"
about "Who is expected, who is in the building, and whom they visit."
role Host
role Reception
entity Visit
  visitor_name text required
  company text
  email email
  phone phone
  host person
  purpose choice(meeting, interview, delivery, maintenance, other) default meeting
  expected_on date default today
  expected_at time
  badge text
  arrived datetime
  left datetime
  licence_plate text
  notes longtext
access Visit: Host create, read own, edit own; Reception all
rule Visit on edit: left is empty or arrived is not empty else "Nobody leaves before they have arrived."
action Visit "Arrived" for Reception, host when arrived is empty: arrived = now
action Visit "Left" for Reception, host when arrived is not empty and left is empty: left = now
mark Visit green where arrived is not empty and left is empty
page "Today" table Visit where expected_on = today
page "In the building" table Visit where arrived is not empty and left is empty
page "Announce a visit" form Visit
page "Sign in" kiosk Visit (visitor_name, company, purpose) thanks "Please take a seat. Your host is on the way."
page "Calendar" calendar Visit by expected_on
page "Overview" dashboard: count Visit where arrived is not empty and left is empty, count Visit where expected_on = today, bar Visit by purpose
example Visit: "Ida Berg", "Nordwind Energy", "ida.berg@example.org", -, "anna@example.org", meeting, 2026-11-23, "10:00"
example Visit: "Omar Haddad", "Lift Service", -, "+49 30 5550120", "ben@example.org", maintenance, 2026-11-24, "08:30"

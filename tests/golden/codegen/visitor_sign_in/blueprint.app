app "Visitor Sign-in"
about "Who is in the building, whom they visit, and since when."
role Reception
role Host
entity Visitor
  name text required
  company text
  email email
  phone phone
entity Visit
  visitor ref(Visitor) required
  host person required default me
  purpose choice(meeting, interview, delivery, maintenance) required
  time_in datetime required default today
  time_out datetime
  left boolean
  badge number
access Visitor: Reception all; Host create, read
access Visit: Reception all; Host create, read own
page "In the building" table Visit where not left
page "Sign in a visit" form Visit
page "Today" table Visit where time_in >= today
page "Visitors" table Visitor
page "Overview" dashboard: count Visit where not left, count Visit where time_in = today, bar Visit by purpose, bar Visit by host, list Visit where not left
example Visitor: "Ada Park", "Parkside Engineering", "ada@parkside.example", "+44 20 5550 0101"
example Visitor: "Tom Weber", "Weber Aufzüge GmbH", "tom@weber.example"
example Visit: "Ada Park", "mia.chen@example.com", meeting, 2026-11-22T09:15, -, false, 12
example Visit: "Tom Weber", "j.okafor@example.com", maintenance, 2026-11-21T08:00, 2026-11-21T11:30, true, 4

# category: Work
# keywords: time sheet, timesheet, hours, working time, time tracking, billing hours, zeiterfassung, stunden, arbeitszeit, feuille de temps, heures, horas, registro de tiempo
app "Hours"
about "Who worked how long on what, and what can be billed."
role Colleague
role Project Lead
entity Client
  name text required unique
  contact_person text
  email email
  hourly_rate money
  notes longtext
entity Project
  name text required
  code text unique
  client ref(Client)
  lead person
  budget_hours number
  used_hours number = sum(Entry.hours by project)
  state choice(running, paused, finished) default running
entity Entry
  person person required default me
  date date required default today
  project ref(Project) required
  activity choice(analysis, development, meeting, travel, support) required
  hours number required
  billable boolean
  note text
  approved boolean
access Client: Colleague read; Project Lead all
access Project: Colleague read; Project Lead all
access Entry: Colleague create, read own, edit own, delete own; Project Lead all
access Entry.approved: Colleague read; Project Lead read, edit
rule Entry on create, edit: hours > 0 and hours <= 24 else "Hours are between 0 and 24."
action Entry "Approve" for Project Lead when not approved: approved = true
mark Project red where used_hours > budget_hours
page "Overview" dashboard: sum hours of Entry where date = today, count Entry where not approved, bar Entry by project sum hours, bar Entry by activity sum hours
page "My hours" table Entry where person = me
page "Write hours" form Entry
page "To approve" table Entry where not approved
page "Projects" table Project
page "Per week" chart bar Entry by date per week sum hours
page "Billing" report Entry (date, person, activity, hours, note) by project sum hours where billable
example Client: "Harbour Authority", "M. Lund", "lund@example.org", 95
example Project: "Berth planning", "HA-1", "Harbour Authority", "anna@example.org", 320
example Project: "Internal tools", "INT", -, "ben@example.org", 200
example Entry: "anna@example.org", 2026-11-19, "Berth planning", meeting, 2.5, true
example Entry: "ben@example.org", 2026-11-20, "Internal tools", development, 6, false

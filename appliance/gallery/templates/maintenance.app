# category: Things
# keywords: maintenance, machine, repair, work order, service, inspection interval, wartung, instandhaltung, reparatur, maintenance, entretien, mantenimiento
app "Maintenance"
about "Machines, when they are serviced, and what broke."
role Operator
role Technician
entity Machine
  name text required
  machine_number text required unique
  manufacturer text
  model text
  hall text
  bought_on date
  interval_days number
  last_service date
  next_service date
  state choice(running, limited, stopped) default running
  photo image
  open_jobs number = count(Job by machine where state != done)
entity Job
  number sequence(W-0001)
  machine ref(Machine) required
  title text required
  kind choice(service, repair, inspection) required default repair
  priority choice(low, normal, urgent) default normal
  reported_by person default me
  technician person
  due date
  state choice(open, in work, waiting for parts, done) default open
  done_on date
  hours number
  cost money
  description longtext
  photo image
access Machine: Operator read; Technician all
access Job: Operator create, read; Technician all
action Job "Start" for Technician when state = open: state = in work, technician = me
action Job "Done" for Technician when state != done: state = done, done_on = today
remind Job 2 days before due to technician where state != done "Due: {title}"
mark Machine red where state = stopped
mark Machine orange where next_service < today
mark Job red where priority = urgent and state != done
page "Board" board Job by state
page "Report a fault" form Job
page "Machines" table Machine
page "Service due" table Machine where next_service < today
page "Calendar" calendar Machine by next_service
page "Overview" dashboard: count Job where state != done, count Machine where state = stopped, bar Job by machine where state != done, bar Job by kind
page "Cost per month" chart bar Job by done_on per month sum cost
example Machine: "Press 4", "M-104", "Schuler", "P250", "Hall 1", 2019-05-01, 180, 2026-05-20, 2026-11-16, running
example Machine: "Saw 2", "M-211", "Kasto", "SBA", "Hall 3", 2021-02-11, 365, 2026-02-01, 2027-02-01, limited
example Job: -, "Press 4", "Oil leak at cylinder", repair, urgent, "anna@example.org", -, 2026-11-24
example Job: -, "Saw 2", "Replace band", service, normal, "ben@example.org", -, 2026-12-03

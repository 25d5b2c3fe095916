app "Repair Desk"
about "What is broken, who repairs it, and what it costs."
role Reporter
role Technician
role Auditor
entity Room
  name text required
  open_jobs number = count(Job by room where status != done)
entity Job
  number sequence(JOB-0001)
  title text required help "What is wrong, in a few words"
  room ref(Room) required
  reporter person default me
  technician person
  due date
  status choice(open, working, done) default open
  finished_on date
  cost money label "Costs"
  note longtext
  secret text hidden
  days_late number = days(today - due) when status != done and due < today
  double_cost money = cost * 2
entity Shift
  technician person required
  day date required
  slot choice(early, late) required
  place text
  unique technician, day, slot
access Room: Technician all; Reporter read; Auditor read
access Job: Reporter create, read own, edit own; Technician all; Auditor read
access Shift: Technician all; Auditor read
access Job.cost: Technician read, edit; Auditor read
access Job.note: Technician read, edit; Reporter read own; Auditor read own
rule Job on create, edit: due is empty or due >= 2020-01-01 else "The due date lies too far back."
rule Job on create, edit: status != done or technician is not empty else "Say who did it before it is done."
rule Job on delete: status = done else "Only finished jobs can be deleted."
action Job "Finish" for Technician, reporter when status != done: status = done, finished_on = today
action Job "Take" for Technician when technician is empty: technician = me, status = working
action Job "Reopen" for Technician when status = done: status = open, finished_on = empty
remind Job 2 days before due to reporter where status != done "{title} <b>{room}</b> is due, cost {cost}"
remind Job on due to Technician where status != done "{number} is due"
mark Job red where due < today and status != done
mark Job blue where cost > 100
page "Jobs" table Job
page "Late" table Job where due < today and status != done
page "Board" board Job by status
page "Report a fault" form Job
example Room: "Workshop"
example Job: -, "Broken lamp", "Workshop", "rita@example.com", -, 2026-11-20, open
example Job: -, "Loose socket", "Workshop", "rolf@example.com", "tim@example.com", 2026-12-01, done, 2026-11-21

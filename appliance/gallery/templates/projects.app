# category: Work
# keywords: project, task, milestone, to do, plan, board, kanban, projekt, aufgabe, meilenstein, projet, tâche, proyecto, tarea
app "Projects"
about "Projects, their milestones and tasks, and what is late."
role Team Member
role Project Manager
entity Project
  name text required unique
  goal longtext
  manager person
  start date
  end date
  budget money
  priority choice(low, medium, high) default medium
  state choice(idea, running, paused, done) default idea
  open_tasks number = count(Task by project where state != done)
entity Milestone
  project ref(Project) required
  name text required
  due date required
  reached boolean
entity Task
  title text required
  project ref(Project) required
  milestone ref(Milestone)
  description longtext
  assignee person
  priority choice(low, medium, high) default medium
  start date
  due date
  effort_hours number
  state choice(to do, in progress, blocked, done) default to do
  finished_on date
  attachment file
access Project: Team Member read; Project Manager all
access Milestone: Team Member read; Project Manager all
access Task: Team Member create, read, edit; Project Manager all
rule Project on create, edit: end is empty or start is empty or end >= start else "The end cannot be before the start."
action Task "Done" for Team Member, Project Manager when state != done: state = done, finished_on = today
remind Task 1 day before due to assignee where state != done "Due tomorrow: {title}"
mark Task red where due < today and state != done
page "Board" board Task by state
page "My tasks" table Task where assignee = me and state != done
page "Projects" table Project
page "Plan" timeline Project from start to end by manager
page "Deadlines" calendar Task by due where state != done
page "Overview" dashboard: count Task where state != done, count Task where due < today and state != done, bar Task by project where state != done, bar Task by state
example Project: "New packing line", "Double the output", "anna@example.org", 2026-10-01, 2027-03-31, 180000, high, running
example Project: "Website relaunch", -, "ben@example.org", 2026-11-01, 2027-02-15, 24000, medium, running
example Milestone: "New packing line", "Machine delivered", 2027-01-20
example Task: "Choose supplier", "New packing line", "Machine delivered", -, "anna@example.org", high, 2026-11-02, 2026-11-28
example Task: "Collect texts", "Website relaunch", -, -, "ben@example.org", medium, 2026-11-10, 2026-11-20

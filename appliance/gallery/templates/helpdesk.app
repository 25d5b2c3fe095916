# category: IT
# keywords: help desk, ticket, support, it request, service desk, störung, ticketsystem, assistance, soporte, incidencias
app "IT Help Desk"
about "Requests to IT, who works on them, and what is waiting."
role Colleague
role Agent
entity Ticket
  number sequence(T-0001)
  subject text required
  description longtext
  category choice(hardware, software, account, network, printing, other) required
  priority choice(low, normal, high, urgent) default normal
  requester person default me
  agent person
  device ref(Device)
  opened_at datetime
  due date
  state choice(new, in progress, waiting, solved, closed) default new
  solution longtext
  attachment file
entity Device
  name text required
  kind choice(laptop, desktop, phone, printer, server) required
  serial_number text unique
  user person
  room text
  bought_on date
  warranty_until date
  operating_system text
  tickets number = count(Ticket by device)
entity Answer
  title text required
  category choice(hardware, software, account, network, printing, other)
  problem longtext
  solution longtext
  updated_on date default today
access Ticket: Colleague create, read own; Agent all
access Device: Colleague read own; Agent all
access Answer: Colleague read; Agent all
access Ticket.priority: Colleague read; Agent read, edit
action Ticket "Take" for Agent when state = new: state = in progress, agent = me
action Ticket "Solve" for Agent when state in (new, in progress, waiting): state = solved
action Ticket "Close" for Agent, requester when state = solved: state = closed
remind Ticket on due to agent where state in (new, in progress) "Due today: {subject}"
mark Ticket red where priority = urgent and state in (new, in progress)
page "Overview" dashboard: count Ticket where state in (new, in progress, waiting), count Ticket where agent is empty and state = new, bar Ticket by category, bar Ticket by state
page "Board" board Ticket by state
page "My tickets" table Ticket where requester = me
page "New ticket" form Ticket
page "Devices" table Device
page "Answers" table Answer
example Device: "NB-031", laptop, "5CG1", "anna@example.org", "2.14", 2025-01-20, 2028-01-20
example Device: "PR-2F", printer, "X88", -, "2.00", 2022-06-02
example Ticket: -, "Printer jams", "Paper stuck in tray 2", printing, normal, "anna@example.org", -, "PR-2F", 2026-11-20T09:10
example Ticket: -, "Password forgotten", -, account, high, "ben@example.org", -, -, 2026-11-22T08:02
example Answer: "Set a new password", account, "I cannot sign in.", "Use the self-service page."

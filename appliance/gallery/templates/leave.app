# category: People
# keywords: leave, vacation, holiday, time off, absence, days off, urlaub, abwesenheit, congé, vacances, vacaciones, ausencia
app "Leave Planner"
about "Who is away when, what was asked for, and what is left of the year."
role Employee
role Approver
role HR
entity Leave Request
  number sequence(LV-0001)
  person person required default me
  kind choice(vacation, sick, parental, unpaid) required default vacation
  first_day date required
  last_day date required
  days number = days(last_day - first_day) + 1
  cover person
  reason longtext
  state choice(asked, approved, refused, withdrawn) default asked
  decided_by person
  decided_on date
  answer text
entity Entitlement
  person person required
  year number required
  days number required
  carried_over number default 0
  unique person, year
access Leave Request: Employee create, read own, edit own; Approver read, edit; HR all
access Entitlement: Employee read own; Approver read; HR all
rule Leave Request on create, edit: last_day >= first_day else "The last day cannot be before the first."
action Leave Request "Approve" for Approver, HR when state = asked: state = approved, decided_by = me, decided_on = today
action Leave Request "Refuse" for Approver, HR when state = asked: state = refused, decided_by = me, decided_on = today
action Leave Request "Withdraw" for person when state = asked: state = withdrawn
remind Leave Request 3 days before first_day to person, cover where state = approved "{person} is away from {first_day}"
mark Leave Request orange where state = asked
page "Overview" dashboard: count Leave Request where state = asked, count Leave Request where state = approved and first_day <= today and last_day >= today, bar Leave Request by kind
page "Calendar" calendar Leave Request by first_day to last_day where state = approved
page "To decide" table Leave Request where state = asked
page "My requests" table Leave Request where person = me
page "Ask for leave" form Leave Request
page "Entitlements" table Entitlement
example Leave Request: -, "anna@example.org", vacation, 2026-12-21, 2026-12-30
example Leave Request: -, "ben@example.org", parental, 2026-12-01, 2027-01-29, -, -, "Birth of our daughter", approved
example Entitlement: "anna@example.org", 2026, 30, 2
example Entitlement: "ben@example.org", 2026, 28, 0

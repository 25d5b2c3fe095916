# category: Money
# keywords: expense, reimbursement, claim, receipts, travel cost, spesen, auslagen, belege, note de frais, frais, gastos, reembolso
app "Expense Claims"
about "Claims with their receipts, from writing to payment."
role Employee
role Approver
role Accounting
entity Claim
  number sequence(EX-0001)
  person person required default me
  title text required
  purpose longtext
  from_day date
  to_day date
  total money = sum(Receipt.amount by claim)
  state choice(draft, submitted, approved, refused, paid) default draft
  submitted_on date
  decided_by person
  paid_on date
  comment text
entity Receipt
  claim ref(Claim) required
  date date required
  kind choice(travel, hotel, meal, material, other) required
  description text
  amount money required
  picture file
access Claim: Employee create, read own, edit own; Approver read, edit; Accounting all
access Receipt: Employee create, read own, edit own, delete own; Approver read; Accounting all
rule Receipt on create, edit: amount > 0 else "The amount must be more than zero."
action Claim "Submit" for person when state = draft: state = submitted, submitted_on = today
action Claim "Approve" for Approver when state = submitted: state = approved, decided_by = me
action Claim "Refuse" for Approver when state = submitted: state = refused, decided_by = me
action Claim "Paid" for Accounting when state = approved: state = paid, paid_on = today
mark Claim orange where state = submitted
page "Overview" dashboard: count Claim where state = submitted, count Claim where state = approved, sum amount of Receipt, bar Receipt by kind sum amount
page "My claims" table Claim where person = me
page "To approve" table Claim where state = submitted
page "To pay" table Claim where state = approved
page "Cost per month" chart bar Receipt by date per month sum amount
page "Receipts" report Receipt (date, kind, description, amount) by claim sum amount
example Claim: -, "anna@example.org", "Fair in Hanover", "Stand duty", 2026-11-03, 2026-11-05
example Receipt: "EX-0001", 2026-11-03, travel, "Train", 118.4
example Receipt: "EX-0001", 2026-11-04, hotel, "One night", 96

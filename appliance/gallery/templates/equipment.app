# category: Things
# keywords: equipment, loan, lend, borrow, asset, checkout, device, inventory, geräte, ausleihe, verleih, inventar, matériel, prêt, équipo, préstamo
app "Equipment Desk"
about "What we own, who has it, and what should have come back."
role Colleague
role Equipment Keeper
entity Item
  name text required
  inventory_number sequence(INV-0001)
  category choice(laptop, camera, measuring device, tool, other) required
  serial_number text unique
  shelf text
  bought_on date
  price money
  warranty_until date
  condition choice(new, good, worn, broken) default good
  photo image
  notes longtext
  open_loans number = count(Loan by item where not returned)
entity Loan
  item ref(Item) required
  borrower person required default me
  purpose text
  taken_on date required default today
  due date required
  returned boolean
  returned_on date
  condition_after choice(good, worn, broken)
  days_late number = days(today - due) when not returned and due < today
access Item: Colleague read; Equipment Keeper all
access Loan: Colleague create, read own; Equipment Keeper all
rule Loan on create: due >= taken_on else "It cannot be due before it is taken."
action Loan "Take back" for Equipment Keeper when not returned: returned = true, returned_on = today
remind Loan 1 day before due to borrower where not returned "Please bring {item} back"
mark Loan red where due < today and not returned
mark Item grey where condition = broken
page "Overview" dashboard: count Loan where not returned, count Loan where not returned and due < today, bar Item by category, list Loan
page "Items" table Item
page "On loan" table Loan where not returned
page "Overdue" table Loan where due < today and not returned
page "Due dates" calendar Loan by due where not returned
page "Borrow" form Loan
example Item: "Field camera", -, camera, "FC-2207", "B3", 2025-03-14, 1240
example Item: "Torque wrench", -, tool, "TW-88", "A1", 2023-09-01, 310
example Item: "Spare laptop", -, laptop, "LT-5519", "C2", 2026-02-10, 980
example Loan: "Field camera", "carla@example.org", "Open day", 2026-11-18, 2026-11-25
example Loan: "Spare laptop", "dev@example.org", "Replacement", 2026-11-02, 2026-11-16

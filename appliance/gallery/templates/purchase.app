# category: Money
# keywords: purchase request, requisition, procurement, buy, approval, order, beschaffung, bestellanforderung, einkauf, achat, demande d'achat, compra, solicitud de compra
app "Purchase Requests"
about "What people need, who approved it, and whether it has come."
role Employee
role Approver
role Purchasing
entity Supplier
  name text required unique
  contact_person text
  email email
  phone phone
  website url
  rating choice(A, B, C)
entity Request
  number sequence(BA-0001)
  item text required
  reason longtext
  requester person required default me
  cost_centre text required
  supplier ref(Supplier)
  quantity number required default 1
  unit_price money required
  total money = quantity * unit_price
  needed_by date
  state choice(asked, approved, refused, ordered, received) default asked
  decided_by person
  decided_on date
  order_number text
  offer file
access Supplier: Employee read; Approver read; Purchasing all
access Request: Employee create, read own, edit own; Approver read, edit; Purchasing all
rule Request on create, edit: quantity > 0 and unit_price >= 0 else "Quantity and price must make sense."
action Request "Approve" for Approver when state = asked: state = approved, decided_by = me, decided_on = today
action Request "Refuse" for Approver when state = asked: state = refused, decided_by = me, decided_on = today
action Request "Ordered" for Purchasing when state = approved: state = ordered
action Request "Received" for Purchasing, requester when state = ordered: state = received
mark Request red where needed_by < today and state in (asked, approved, ordered)
page "Ask for something" form Request
page "My requests" table Request where requester = me
page "To approve" table Request where state = asked
page "Board" board Request by state
page "Suppliers" table Supplier
page "Overview" dashboard: count Request where state = asked, sum total of Request where state in (approved, ordered), bar Request by state sum total
example Supplier: "Office World", "K. Neumann", "neumann@example.org", -, "https://example.org", A
example Request: -, "Standing desk", "Back pain", "anna@example.org", "4100", "Office World", 1, 420, -, 2026-12-10
example Request: -, "Oscilloscope", "New lab", "ben@example.org", "4200", -, 2, 1350, -, 2026-11-20

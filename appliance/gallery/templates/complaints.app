# category: Quality
# keywords: complaint, supplier, quality, corrective action, nonconformity, batch, reklamation, lieferant, qualität, réclamation, fournisseur, reclamación, proveedor, calidad
app "Supplier Quality"
about "Complaints to suppliers, their causes, and the actions that follow."
role Inspector
role Quality Manager
entity Supplier
  name text required unique
  supplier_number text
  contact_person text
  email email
  phone phone
  city text
  country text
  rating choice(A, B, C)
  open_complaints number = count(Complaint by supplier where state != closed)
entity Complaint
  number sequence(C-0001)
  supplier ref(Supplier) required
  product text required
  batch text
  received_on date default today
  category choice(damage, wrong quantity, contamination, labelling, late delivery) required
  severity choice(minor, major, critical) required
  quantity number
  cost money
  description longtext
  photo image
  state choice(open, with supplier, in check, closed) default open
entity Corrective Action
  complaint ref(Complaint) required
  action text required
  owner person required
  due date required
  done boolean
  result longtext
access Supplier: Inspector read; Quality Manager all
access Complaint: Inspector create, read, edit; Quality Manager all
access Corrective Action: Inspector read, edit own; Quality Manager all
action Complaint "Send to supplier" for Inspector, Quality Manager when state = open: state = with supplier
action Complaint "Close" for Quality Manager when state != closed: state = closed
remind Corrective Action 3 days before due to owner where not done "Due soon: {action}"
mark Complaint red where severity = critical and state != closed
mark Corrective Action red where due < today and not done
page "Overview" dashboard: count Complaint where state != closed, sum cost of Complaint, bar Complaint by supplier, bar Complaint by category
page "Complaints" table Complaint
page "Board" board Complaint by state
page "Actions" table Corrective Action where not done
page "Suppliers" table Supplier
page "Cost per month" chart line Complaint by received_on per month sum cost
page "Supplier report" report Complaint (received_on, product, category, severity, cost) by supplier sum cost
example Supplier: "Brandt Mills", "S-104", "Eva Brandt", "eva@example.org", -, "Kassel", "Germany", B
example Supplier: "Lac Glass", "S-221", "Jean Morel", "jean@example.org", -, "Annecy", "France", A
example Complaint: -, "Brandt Mills", "Wheat flour 550", "L2611", 2026-11-10, contamination, major, 400, 320
example Complaint: -, "Lac Glass", "Jar 250 ml", "G77", 2026-11-15, damage, minor, 36, 45
example Corrective Action: "C-0001", "Clean sieve and repeat test", "anna@example.org", 2026-12-01

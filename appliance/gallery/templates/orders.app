# category: Sales
# keywords: order, orders, order line, delivery, customer order, auftrag, bestellung, commande, pedido
app "Orders"
about "What customers ordered, what is delivered, and what is still to pay."
role Order Desk
role Warehouse
entity Customer
  name text required unique
  customer_number sequence(K-1000)
  contact_person text
  email email
  phone phone
  street text
  city text
  postal_code text
  country text
entity Product
  name text required
  article_number text required unique
  category text
  price money required
  unit choice(piece, kg, metre, box) default piece
  in_stock number
  photo image
entity Order
  number sequence(A-10001)
  customer ref(Customer) required
  ordered_on date default today
  deliver_by date
  delivered_on date
  total money = sum(Order Line.line_total by order)
  state choice(new, confirmed, packed, shipped, paid, cancelled) default new
  tracking_number text
  notes longtext
entity Order Line
  order ref(Order) required
  product ref(Product) required
  quantity number required
  unit_price money required
  discount_percent number
  line_total money = quantity * unit_price * (100 - first(discount_percent, 0)) / 100
access Customer: Order Desk all; Warehouse read
access Product: Order Desk all; Warehouse read, edit
access Order: Order Desk all; Warehouse read, edit
access Order Line: Order Desk all; Warehouse read
rule Order Line on create, edit: quantity > 0 else "Order at least something."
action Order "Confirm" for Order Desk when state = new: state = confirmed
action Order "Ship" for Warehouse when state in (confirmed, packed): state = shipped, delivered_on = today
action Order "Paid" for Order Desk when state = shipped: state = paid
mark Order red where deliver_by < today and state in (new, confirmed, packed)
page "Board" board Order by state
page "Orders" table Order
page "To ship" table Order where state in (confirmed, packed)
page "Products" table Product
page "Customers" table Customer
page "Overview" dashboard: count Order where state = new, sum total of Order where state = shipped, bar Order by state, bar Order Line by product sum quantity
example Customer: "Hotel Seeblick", -, "Jo Frey", "frey@example.org", -, "Uferweg 2", "Lindau"
example Product: "Bath towel", "T-70140", "Textiles", 12.5, piece, 400
example Product: "Soap 20 g", "S-20", "Consumables", 0.35, piece, 9000
example Order: -, "Hotel Seeblick", 2026-11-18, 2026-11-28, -, -, confirmed
example Order Line: "A-10001", "Bath towel", 60, 11.9
example Order Line: "A-10001", "Soap 20 g", 1000, 0.35, 10

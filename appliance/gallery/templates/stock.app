# category: Things
# keywords: stock, inventory, warehouse, spare parts, material, goods receipt, lager, bestand, ersatzteile, stock, magasin, existencias, almacén
app "Stock Room"
about "What lies where, what came and went, and what must be bought."
role Storekeeper
role Buyer
entity Part
  name text required
  part_number text required unique
  category text
  place text
  unit choice(piece, box, litre, kg, metre) default piece
  minimum number
  received number = sum(Movement.quantity by part where direction = in)
  issued number = sum(Movement.quantity by part where direction = out)
  on_hand number = received - issued
  supplier ref(Supplier)
  price money
  photo image
entity Movement
  part ref(Part) required
  date date required default today
  direction choice(in, out) required
  quantity number required
  reason text
  person person default me
entity Supplier
  name text required unique
  contact_person text
  email email
  phone phone
  delivery_days number
access Part: Storekeeper create, read, edit; Buyer all
access Movement: Storekeeper create, read; Buyer all
access Supplier: Storekeeper read; Buyer all
rule Movement on create: quantity > 0 else "The quantity must be more than zero."
mark Part red where on_hand < minimum
page "Parts" table Part
page "To buy" table Part where on_hand < minimum
page "Book a movement" form Movement
page "Movements" table Movement sort date down
page "Overview" dashboard: count Part where on_hand < minimum, bar Movement by part sum quantity where direction = out, list Movement
page "Stock list" report Part (part_number, name, place, on_hand, minimum)
example Supplier: "Kugel GmbH", "A. Ruf", "ruf@example.org", -, 5
example Part: "Ball bearing 6204", "BB-6204", "Bearings", "R1-04", piece, 20, -, -, -, "Kugel GmbH", 4.8
example Part: "Hydraulic oil 46", "OIL-46", "Fluids", "F2", litre, 40, -, -, -, -, 6.2
example Movement: "Ball bearing 6204", 2026-11-03, in, 50, "Delivery"
example Movement: "Ball bearing 6204", 2026-11-17, out, 36, "Line 2"
example Movement: "Hydraulic oil 46", 2026-11-05, in, 60, "Delivery"

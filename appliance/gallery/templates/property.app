# category: Property
# keywords: property, tenant, rent, apartment, lease, landlord, immobilien, mieter, wohnung, miete, immobilier, locataire, inmueble, inquilino
app "Property and Tenants"
about "Flats, who lives there, what they pay, and what must be repaired."
role Caretaker
role Administration
entity Building
  name text required unique
  street text required
  postal_code text
  city text
  built_in number
  units number = count(Flat by building)
entity Flat
  label text required
  building ref(Building) required
  floor number
  rooms number
  area_sqm number
  rent money
  state choice(let, vacant, in renovation) default let
entity Lease
  tenant text required
  flat ref(Flat) required
  email email
  phone phone
  starts date required
  ends date
  rent money required
  deposit money
  document file
entity Repair
  number sequence(R-0001)
  flat ref(Flat) required
  title text required
  reported_on date default today
  urgency choice(low, normal, urgent) default normal
  caretaker person
  company text
  cost money
  state choice(reported, ordered, done) default reported
  photo image
access Building: Caretaker read; Administration all
access Flat: Caretaker read; Administration all
access Lease: Administration all
access Repair: Caretaker create, read, edit; Administration all
action Repair "Done" for Caretaker, Administration when state != done: state = done
mark Flat orange where state = vacant
mark Repair red where urgency = urgent and state != done
page "Flats" table Flat
page "Vacant" table Flat where state = vacant
page "Repairs" board Repair by state
page "Leases" timeline Lease from starts to ends
page "Overview" dashboard: count Flat where state = vacant, sum rent of Lease, sum cost of Repair, bar Repair by flat
page "Rent roll" report Lease (tenant, flat, starts, rent) sum rent
example Building: "Lindenhof", "Lindenstrasse 8", "04107", "Leipzig", 1912
example Flat: "Left, 1st floor", "Lindenhof", 1, 3, 78, 690
example Flat: "Right, 1st floor", "Lindenhof", 1, 2, 54, 510, vacant
example Lease: "Familie Scholz", "Left, 1st floor", "scholz@example.org", -, 2021-04-01, -, 690, 2070
example Repair: -, "Left, 1st floor", "Kitchen tap drips", 2026-11-17, normal

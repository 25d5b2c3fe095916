# category: Things
# keywords: vehicle, fleet, car, pool car, trip log, driver, fuhrpark, fahrzeug, fahrtenbuch, véhicule, flotte, vehículo, flota
app "Fleet"
about "Vehicles, who drives them when, and what is due."
role Driver
role Fleet Manager
entity Vehicle
  plate text required unique
  make text required
  model text
  year number
  fuel choice(petrol, diesel, electric, hybrid)
  seats number
  mileage number
  inspection_due date
  insurance_until date
  place text
  state choice(ready, in repair, sold) default ready
  photo image
entity Trip
  vehicle ref(Vehicle) required
  driver person required default me
  from_time datetime required
  to_time datetime required
  destination text required
  purpose text
  start_km number
  end_km number
  distance number = end_km - start_km
entity Cost
  vehicle ref(Vehicle) required
  date date required default today
  kind choice(fuel, charging, repair, insurance, tax, fine) required
  amount money required
  receipt file
access Vehicle: Driver read; Fleet Manager all
access Trip: Driver create, read, edit own; Fleet Manager all
access Cost: Driver create, read own; Fleet Manager all
rule Trip on create, edit: to_time > from_time else "The trip must end after it starts."
rule Trip on create, edit: end_km is empty or end_km >= start_km else "The meter cannot run backwards."
mark Vehicle red where inspection_due < today
page "Trips" calendar Trip by from_time
page "Book a vehicle" form Trip
page "Vehicles" table Vehicle
page "Inspections" table Vehicle where inspection_due < today
page "Overview" dashboard: count Vehicle where state = ready, sum amount of Cost, bar Cost by vehicle sum amount, bar Cost by kind sum amount
page "Trip log" report Trip (from_time, driver, destination, purpose, distance) by vehicle sum distance
example Vehicle: "B-IM 204", "Skoda", "Octavia", 2022, diesel, 5, 61200, 2027-03-01, 2026-12-31, "Yard"
example Vehicle: "B-IM 310", "Renault", "Kangoo", 2024, electric, 2, 18800, 2026-11-10, 2026-12-31, "Garage"
example Trip: "B-IM 204", "anna@example.org", 2026-11-24T08:00, 2026-11-24T16:30, "Potsdam", "Customer visit", 61200, 61312
example Cost: "B-IM 204", 2026-11-12, fuel, 82.4

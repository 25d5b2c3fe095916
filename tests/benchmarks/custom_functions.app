# Functions as makers ask for them. "case" lines are what the maker writes down; "held" lines are kept from the model and
# say whether the code is right. They were written for this measurement and stand in no prompt.
entity Parcel
  length number
  width number
  height number
  weight number
  sent date
  country text
  express boolean
  girth number custom(length, width, height) "The length plus twice the width and the height together"
  billed_weight number custom(length, width, height, weight) "The larger of the weight and the volume divided by 5000"
  postage money custom(weight, express) "4.90 up to 2 kilograms, 8.50 up to 10, 16 above that; express costs 5 more"
  label text custom(country, sent) "The first two letters of the country in capitals, a hyphen, and the month with two digits"
  arrives date custom(sent, express) "Two days after it was sent, or the next day for express"
case Parcel.girth: 10, 2, 3 gives 20
case Parcel.billed_weight: 50, 40, 30, 5 gives 12
case Parcel.postage: 3, false gives 8.50
case Parcel.label: "france", 2026-03-09 gives "FR-03"
case Parcel.arrives: 2026-01-30, false gives 2026-02-01
held Parcel.girth: 1, 1, 1 gives 5
held Parcel.girth: 100, 30, 20 gives 200
held Parcel.billed_weight: 10, 10, 10, 5 gives 5
held Parcel.billed_weight: 100, 100, 100, 1 gives 200
held Parcel.postage: 2, false gives 4.90
held Parcel.postage: 10, true gives 13.50
held Parcel.postage: 11, false gives 16
held Parcel.label: "Japan", 2026-11-01 gives "JA-11"
held Parcel.label: "ab", 2025-12-31 gives "AB-12"
held Parcel.arrives: 2026-01-31, true gives 2026-02-01
held Parcel.arrives: 2024-02-28, false gives 2024-03-01
entity Employee
  first_name text
  last_name text
  born date
  joined date
  hours number
  grade choice(junior, senior, lead)
  user_name text custom(first_name, last_name) "The first letter of the first name and the last name, in lower case, without spaces"
  initials text custom(first_name, last_name) "The first letters of both names in capitals, each followed by a dot"
  years number custom(joined, born) "The age in whole years on the day of joining"
  leave_days number custom(grade, hours) "24 days for juniors, 28 for seniors, 30 for leads; half of that below 20 hours a week"
  probation_ends date custom(joined) "180 days after joining"
  badge text custom(last_name, joined) "The last name cut to six letters in capitals and the year of joining"
case Employee.user_name: "Mara", "De Wit" gives "mdewit"
case Employee.initials: "Noor", "Aziz" gives "N.A."
case Employee.years: 2026-03-01, 2000-03-01 gives 26
case Employee.leave_days: senior, 40 gives 28
case Employee.probation_ends: 2026-01-01 gives 2026-06-30
case Employee.badge: "Hernandez", 2024-05-05 gives "HERNAN2024"
held Employee.user_name: "Jo", "Smith" gives "jsmith"
held Employee.user_name: "ANNA", "Van Den Berg" gives "avandenberg"
held Employee.initials: "maya", "ortiz" gives "M.O."
held Employee.years: 2026-02-28, 2000-03-01 gives 25
held Employee.years: 2026-12-31, 1990-01-01 gives 36
held Employee.leave_days: junior, 19 gives 12
held Employee.leave_days: lead, 20 gives 30
held Employee.leave_days: senior, 10 gives 14
held Employee.probation_ends: 2024-02-29 gives 2024-08-27
held Employee.badge: "Li", 2026-01-31 gives "LI2026"
entity Invoice
  amount money
  issued date
  paid date
  customer text
  reminders number
  kind choice(goods, service, deposit)
  vat money custom(amount, kind) "20 percent of the amount for goods, 10 percent for services, nothing for deposits"
  late_fee money custom(amount, reminders) "Nothing before the second reminder; then 5 for each reminder, at most a tenth of the amount"
  due date custom(issued, kind) "30 days after it was issued; deposits are due after 7 days"
  days_open number custom(issued, paid) "The days between issue and payment"
  reference text custom(customer, issued, amount) "INV, the year, the first three letters of the customer in capitals, and the amount in whole units with five digits, without separators"
  standing text custom(amount, reminders) "clear without reminders, watch with one or two, and collect with more or from 10000"
case Invoice.vat: 200, goods gives 40
case Invoice.late_fee: 1000, 2 gives 10
case Invoice.due: 2026-01-31, goods gives 2026-03-02
case Invoice.days_open: 2026-01-01, 2026-01-31 gives 30
case Invoice.reference: "Acme", 2026-02-02, 1234.56 gives "INV2026ACM01234"
case Invoice.standing: 50, 1 gives "watch"
held Invoice.vat: 99.90, service gives 9.99
held Invoice.vat: 50, deposit gives 0
held Invoice.late_fee: 1000, 1 gives 0
held Invoice.late_fee: 100, 4 gives 10
held Invoice.late_fee: 1000, 0 gives 0
held Invoice.due: 2026-01-31, deposit gives 2026-02-07
held Invoice.days_open: 2026-02-28, 2026-03-01 gives 1
held Invoice.reference: "zebra ltd", 2025-12-31, 7 gives "INV2025ZEB00007"
held Invoice.standing: 10, 0 gives "clear"
held Invoice.standing: 10, 3 gives "collect"
held Invoice.standing: 10000, 0 gives "collect"
entity Reading
  celsius number
  humidity number
  taken date
  station text
  minutes number
  fahrenheit number custom(celsius) "The temperature in degrees Fahrenheit"
  comfort text custom(celsius, humidity) "cold below 18 degrees, humid above 60 percent humidity, otherwise pleasant"
  quarter text custom(taken) "The year and the quarter, such as 2026-Q1"
  duration text custom(minutes) "The minutes as hours and minutes, such as 2:05 for 125"
  is_weekend boolean custom(taken) "Whether it was taken on a Saturday or a Sunday"
  code text custom(station, taken) "The words of the station joined by hyphens in lower case, then the day of the year with three digits"
  rounded number custom(humidity) "The humidity rounded to the nearest five"
case Reading.fahrenheit: 100 gives 212
case Reading.comfort: 17, 80 gives "cold"
case Reading.quarter: 2026-05-01 gives "2026-Q2"
case Reading.duration: 125 gives "2:05"
case Reading.is_weekend: 2026-11-28 gives true
case Reading.code: "North Gate", 2026-02-01 gives "north-gate-032"
case Reading.rounded: 62 gives 60
held Reading.fahrenheit: 0 gives 32
held Reading.fahrenheit: -40 gives -40
held Reading.comfort: 18, 61 gives "humid"
held Reading.comfort: 25, 60 gives "pleasant"
held Reading.quarter: 2025-12-31 gives "2025-Q4"
held Reading.quarter: 2026-01-01 gives "2026-Q1"
held Reading.duration: 59 gives "0:59"
held Reading.duration: 600 gives "10:00"
held Reading.is_weekend: 2026-11-30 gives false
held Reading.is_weekend: 2026-11-29 gives true
held Reading.code: "Roof", 2026-01-09 gives "roof-009"
held Reading.rounded: 63 gives 65
held Reading.rounded: 58 gives 60

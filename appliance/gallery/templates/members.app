# category: Club
# keywords: member, club, association, fee, volunteer, donation, verein, mitglied, beitrag, association, adhérent, cotisation, asociación, socio
app "Club Members"
about "Members, their fees, and who helps when."
role Board
role Treasurer
entity Member
  first_name text required
  last_name text required
  member_number sequence(M-100)
  email email
  phone phone
  street text
  postal_code text
  city text
  born date
  joined date required default today
  kind choice(active, supporting, youth, honorary) required
  left_on date
  paid money = sum(Payment.amount by member)
entity Payment
  member ref(Member) required
  year number required
  date date default today
  amount money required
  kind choice(fee, donation, other) default fee
entity Shift
  title text required
  date date required
  starts time
  place text
  needed number
  helpers number = count(Signup by shift)
entity Signup
  shift ref(Shift) required
  member ref(Member) required
  came boolean
  unique shift, member
access Member: Board all; Treasurer read
access Payment: Treasurer all; Board read
access Shift: Board all; Treasurer read
access Signup: Board all; Treasurer read
mark Shift red where helpers < needed and date >= today
mark Member grey where left_on is not empty
page "Members" table Member where left_on is empty
page "Shifts" calendar Shift by date
page "Helpers missing" table Shift where helpers < needed and date >= today
page "Payments" table Payment
page "Overview" dashboard: count Member where left_on is empty, sum amount of Payment, bar Member by kind, bar Payment by kind sum amount
page "Fees" report Payment (date, member, kind, amount) by kind sum amount
example Member: "Karin", "Holm", -, "karin@example.org", -, "Feldweg 1", "24103", "Kiel", 1979-06-01, 2015-01-01, active
example Member: "Jonas", "Petersen", -, "jonas@example.org", -, -, -, "Kiel", 2010-09-14, 2024-03-01, youth
example Payment: "Karin", 2026, 2026-02-10, 60
example Shift: "Christmas market", 2026-12-12, "14:00", "Town hall", 4
example Signup: "Christmas market", "Karin"

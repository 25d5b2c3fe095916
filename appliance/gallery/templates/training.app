# category: People
# keywords: training, certificate, course, qualification, instruction, expiry, schulung, unterweisung, zertifikat, formation, certificat, capacitación, certificado
app "Training Records"
about "Who has learned what, until when it is valid, and what is due."
role Employee
role Training Office
entity Training
  title text required unique
  kind choice(safety, technical, soft skills, compliance) required
  provider text
  hours number
  valid_months number
  mandatory boolean
  price money
  description longtext
entity Course Date
  training ref(Training) required
  name text required
  starts datetime required
  place text
  trainer text
  seats number
  taken number = count(Participation by course_date)
entity Participation
  person person required default me
  course_date ref(Course Date) required
  state choice(registered, attended, missed) default registered
  passed boolean
  certificate file
  valid_until date
  unique person, course_date
access Training: Employee read; Training Office all
access Course Date: Employee read; Training Office all
access Participation: Employee create, read own; Training Office all
rule Participation on create: course_date.taken < course_date.seats else "This date is full."
action Participation "Attended" for Training Office when state = registered: state = attended, passed = true
remind Participation 30 days before valid_until to person where passed "Your certificate runs out on {valid_until}"
mark Participation red where valid_until < today and passed
page "Dates" calendar Course Date by starts
page "Register" form Participation
page "My trainings" table Participation where person = me
page "Expired" table Participation where valid_until < today and passed
page "Catalogue" table Training
page "Overview" dashboard: count Participation where state = registered, count Participation where valid_until < today and passed, bar Training by kind
example Training: "Forklift licence", safety, "TÜV Academy", 16, 12, true, 240
example Training: "First aid", safety, "Red Cross", 8, 24, true, 60
example Course Date: "First aid", "First aid December", 2026-12-08T08:30, "Room Elbe", "M. Kern", 12

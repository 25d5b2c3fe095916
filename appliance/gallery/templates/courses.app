# category: Education
# keywords: course, student, class, enrolment, school, grades, exam, kurs, schüler, studierende, étudiant, cours, alumno, curso
app "Course Office"
about "Courses, the students in them, and their results."
role Teacher
role Office
entity Student
  first_name text required
  last_name text required
  student_number sequence(S-1000)
  email email
  phone phone
  birth_date date
  city text
  state choice(applied, enrolled, graduated, left) default enrolled
entity Course
  title text required
  code text required unique
  teacher person
  room text
  weekday choice(Monday, Tuesday, Wednesday, Thursday, Friday)
  starts time
  first_day date
  last_day date
  seats number
  enrolled number = count(Enrolment by course)
  description longtext
entity Enrolment
  student ref(Student) required
  course ref(Course) required
  enrolled_on date default today
  state choice(requested, confirmed, waiting, cancelled, passed, failed) default requested
  grade number
  unique student, course
entity Exam
  course ref(Course) required
  title text required
  date date required
  room text
  weight_percent number
access Student: Teacher read; Office all
access Course: Teacher read, edit own; Office all
access Enrolment: Teacher read, edit; Office all
access Exam: Teacher create, read, edit; Office all
action Enrolment "Confirm" for Office when state in (requested, waiting): state = confirmed
mark Course red where enrolled > seats
page "Courses" table Course
page "Students" table Student
page "Requests" table Enrolment where state = requested
page "Exams" calendar Exam by date
page "Overview" dashboard: count Student where state = enrolled, count Enrolment where state = requested, bar Enrolment by course, bar Student by state
page "Class lists" report Enrolment (student, state, grade) by course
example Student: "Noor", "Ali", -, "noor@example.org", -, 2004-03-12, "Mainz"
example Student: "Felix", "Braun", -, "felix@example.org", -, 2003-08-30, "Worms"
example Course: "Statistics I", "ST1", "anna@example.org", "H 12", Tuesday, "10:15", 2026-10-13, 2027-02-09, 40
example Enrolment: "Noor", "Statistics I", 2026-10-02, confirmed
example Enrolment: "Felix", "Statistics I", 2026-10-05, requested
example Exam: "Statistics I", "Final", 2027-02-16, "H 1", 100

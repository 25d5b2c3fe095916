# category: People
# keywords: applicant, hiring, recruiting, candidate, job opening, interview, bewerber, einstellung, recrutement, candidat, candidato, contratación
app "Hiring"
about "Open positions, who applied, and what the interviews said."
role Interviewer
role Recruiter
entity Position
  title text required
  department text
  location text
  employment choice(full time, part time, internship) default full time
  hiring_manager person
  salary_from money
  salary_to money
  description longtext
  open_since date default today
  state choice(open, on hold, filled) default open
  candidates number = count(Candidate by position)
entity Candidate
  first_name text required
  last_name text required
  position ref(Position) required
  email email
  phone phone
  city text
  source choice(website, referral, fair, agency)
  applied_on date default today
  cv file
  salary_wish money
  available_from date
  stage choice(received, screening, interview, offer, hired, declined) default received
  notes longtext
entity Interview
  candidate ref(Candidate) required
  interviewer person required
  at datetime required
  kind choice(phone, video, on site)
  strengths longtext
  doubts longtext
  rating number
  advice choice(hire, unsure, do not hire)
access Position: Interviewer read; Recruiter all
access Candidate: Interviewer read; Recruiter all
access Interview: Interviewer read own, edit own; Recruiter all
access Candidate.salary_wish: Recruiter read, edit
rule Interview on create, edit: rating is empty or rating >= 1 and rating <= 5 else "Rate from 1 to 5."
remind Interview 1 day before at to interviewer "Interview with {candidate} tomorrow"
mark Candidate green where stage = hired
page "Pipeline" board Candidate by stage
page "Positions" table Position where state = open
page "Candidates" table Candidate
page "Interviews" calendar Interview by at
page "Overview" dashboard: count Position where state = open, count Candidate where stage in (received, screening), bar Candidate by source, bar Candidate by position
example Position: "Process engineer", "Production", "Ulm", full time, "anna@example.org", 52000, 64000
example Position: "Working student lab", "Research", "Ulm", part time, "ben@example.org"
example Candidate: "Lena", "Vogt", "Process engineer", "lena@example.org", -, "Augsburg", website, 2026-11-09
example Candidate: "Tariq", "Aziz", "Process engineer", "tariq@example.org", -, "Ulm", referral, 2026-11-14
example Interview: "Lena", "anna@example.org", 2026-11-26T14:00, video

# category: Communication
# keywords: event, conference, session, speaker, attendee, registration, veranstaltung, tagung, teilnehmer, événement, conférence, evento, ponente
app "Event Planner"
about "Events with their programme, speakers and guests."
role Helper
role Organiser
entity Event
  title text required
  starts date required
  ends date
  place text
  city text
  budget money
  spent money = sum(Expense.amount by event)
  guests number = count(Guest by event)
  state choice(idea, planned, announced, done, cancelled) default idea
  description longtext
entity Session
  event ref(Event) required
  title text required
  speaker text
  speaker_email email
  starts datetime required
  ends datetime
  room text
  kind choice(talk, workshop, panel, break) default talk
  confirmed boolean
entity Guest
  event ref(Event) required
  first_name text required
  last_name text required
  organisation text
  email email
  food choice(anything, vegetarian, vegan, no gluten)
  state choice(invited, coming, declined, was there) default invited
entity Expense
  event ref(Event) required
  what text required
  date date default today
  amount money required
access Event: Helper read; Organiser all
access Session: Helper read; Organiser all
access Guest: Helper create, read, edit; Organiser all
access Expense: Organiser all
action Guest "Was there" for Helper, Organiser when state in (invited, coming): state = was there
mark Event red where spent > budget
mark Session orange where not confirmed
page "Programme" calendar Session by starts
page "Events" timeline Event from starts to ends
page "Guests" table Guest
page "Overview" dashboard: count Guest where state = coming, bar Guest by food, bar Expense by event sum amount
page "Guest list" report Guest (last_name, first_name, organisation, food, state) by event
example Event: "Open Lab Day", 2026-12-05, 2026-12-05, "Main hall", "Kiel", 6000
example Session: "Open Lab Day", "Welcome", "Dr. Amara Diallo", -, 2026-12-05T10:00, 2026-12-05T10:30, "Main hall", talk, true
example Guest: "Open Lab Day", "Tom", "Becker", "City of Kiel", "tom@example.org", vegetarian, coming
example Expense: "Open Lab Day", "Catering deposit", 2026-11-12, 900

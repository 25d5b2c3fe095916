# category: People
# keywords: onboarding, new hire, first day, checklist, offboarding, einarbeitung, neue mitarbeiter, intégration, incorporación
app "Onboarding"
about "Everything that must be ready when somebody new starts."
role Helper
role HR
entity Newcomer
  first_name text required
  last_name text required
  job_title text
  department text
  starts_on date required
  mentor person
  email email
  phone phone
  equipment longtext
  notes longtext
  open_steps number = count(Step by newcomer where not done)
entity Step
  newcomer ref(Newcomer) required
  title text required
  area choice(contract, IT, workplace, training, social) required
  responsible person required
  due date required
  done boolean
  done_on date
  notes longtext
access Newcomer: Helper read; HR all
access Step: Helper read, edit own; HR all
action Step "Done" for HR, responsible when not done: done = true, done_on = today
remind Step 2 days before due to responsible where not done "{title} for {newcomer}"
mark Step red where due < today and not done
page "Overview" dashboard: count Newcomer where starts_on > today, count Step where not done and due < today, bar Step by area where not done
page "Newcomers" table Newcomer
page "My steps" table Step where responsible = me and not done
page "All steps" table Step
page "Calendar" calendar Step by due where not done
example Newcomer: "Mina", "Okafor", "Controller", "Finance", 2026-12-01, "anna@example.org"
example Newcomer: "Paul", "Reiter", "Technician", "Service", 2027-01-04, "ben@example.org"
example Step: "Mina", "Order laptop", IT, "ben@example.org", 2026-11-24
example Step: "Mina", "Contract signed", contract, "anna@example.org", 2026-11-20, true

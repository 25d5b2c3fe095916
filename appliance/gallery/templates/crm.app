# category: Sales
# keywords: customer, contact, crm, deal, sales pipeline, lead, kunden, vertrieb, kontakte, clients, ventes, clientes, ventas
app "Customers and Deals"
about "Companies, the people there, and the deals that are under way."
role Sales
role Sales Lead
entity Company
  name text required unique
  industry text
  website url
  phone phone
  street text
  city text
  postal_code text
  country text
  kind choice(prospect, customer, partner, former) default prospect
  owner person default me
  won number = sum(Deal.value by company where stage = won)
  notes longtext
entity Contact
  first_name text required
  last_name text required
  company ref(Company)
  position text
  email email
  phone phone
  birthday date
  notes longtext
entity Deal
  title text required
  company ref(Company) required
  contact ref(Contact)
  value money required
  stage choice(new, qualified, offer, negotiation, won, lost) default new
  probability number
  expected money = value * probability / 100
  close_on date
  owner person default me
  next_step text
  lost_because text
entity Activity
  company ref(Company) required
  deal ref(Deal)
  date date default today
  kind choice(call, e-mail, meeting, letter) required
  summary longtext
  follow_up_on date
  person person default me
access Company: Sales create, read, edit; Sales Lead all
access Contact: Sales create, read, edit; Sales Lead all
access Deal: Sales create, read, edit own; Sales Lead all
access Activity: Sales create, read, edit own; Sales Lead all
rule Deal on create, edit: probability is empty or probability >= 0 and probability <= 100 else "The probability is a percentage."
remind Activity on follow_up_on to person "Follow up with {company}"
mark Deal green where stage = won
mark Deal red where close_on < today and not stage in (won, lost)
page "Pipeline" board Deal by stage
page "Companies" table Company
page "Contacts" table Contact
page "Follow-ups" calendar Activity by follow_up_on
page "Overview" dashboard: sum value of Deal where stage = won, sum expected of Deal where stage in (qualified, offer, negotiation), bar Deal by stage sum value, bar Company by kind
page "Won per month" chart bar Deal by close_on per month sum value where stage = won
example Company: "Brightwell Foods", "Food", "https://example.org", -, "Dock Road 4", "Bristol", "BS1", "United Kingdom", customer
example Company: "Moltke Optics", "Optics", -, -, -, "Jena", "07743", "Germany", prospect
example Contact: "Sarah", "Lane", "Brightwell Foods", "Purchasing", "lane@example.org"
example Deal: "Packaging line 2027", "Brightwell Foods", "Sarah", 84000, offer, 60, -, 2026-12-18
example Deal: "Lens trays", "Moltke Optics", -, 12500, new, 20, -, 2027-02-01
example Activity: "Brightwell Foods", "Packaging line 2027", 2026-11-19, meeting, "Showed the layout", 2026-11-27

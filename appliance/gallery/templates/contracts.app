# category: Money
# keywords: contract, renewal, agreement, notice period, subscription, licence, vertrag, kündigung, laufzeit, contrat, résiliation, contrato, renovación
app "Contracts"
about "What we signed with whom, what it costs, and when to give notice."
role Reader
role Contract Manager
entity Partner
  name text required unique
  contact_person text
  email email
  phone phone
  city text
  contracts number = count(Contract by partner)
entity Contract
  number sequence(V-0001)
  title text required
  partner ref(Partner) required
  kind choice(rent, licence, service, supply, insurance) required
  owner person required
  starts date required
  ends date
  notice_by date
  renews_itself boolean
  yearly_cost money
  state choice(draft, active, cancelled, ended) default active
  document file
  notes longtext
access Partner: Reader read; Contract Manager all
access Contract: Reader read; Contract Manager all
access Contract.yearly_cost: Contract Manager read, edit
rule Contract on create, edit: ends is empty or ends > starts else "The end must be after the start."
action Contract "Cancelled" for Contract Manager when state = active: state = cancelled
remind Contract 30 days before notice_by to owner where state = active "Decide about {title} until {notice_by}"
mark Contract red where notice_by < today and state = active and renews_itself
page "Contracts" table Contract
page "Notice dates" calendar Contract by notice_by where state = active
page "Duration" timeline Contract from starts to ends by kind
page "Partners" table Partner
page "Overview" dashboard: count Contract where state = active, sum yearly_cost of Contract where state = active, bar Contract by kind sum yearly_cost
page "Cost report" report Contract (number, title, ends, yearly_cost) by partner sum yearly_cost where state = active
example Partner: "Hanse Leasing", "O. Timm", "timm@example.org", -, "Hamburg"
example Contract: -, "Copy machines", "Hanse Leasing", service, "anna@example.org", 2024-01-01, 2026-12-31, 2026-12-10, true, 7400
example Contract: -, "Storage hall", "Hanse Leasing", rent, "ben@example.org", 2023-06-01, 2028-05-31, 2027-11-30, true, 38400

# category: IT
# keywords: feature, roadmap, product, bug, backlog, release, software, fehler, entwicklung, feuille de route, hoja de ruta
app "Product Backlog"
about "Wishes and bugs, what they are worth, and in which release they come."
role Colleague
role Developer
role Product Owner
entity Release
  name text required unique
  date date
  state choice(planned, in work, released) default planned
  items number = count(Item by release)
entity Item
  number sequence(P-0001)
  title text required
  kind choice(feature, bug, chore) required
  description longtext
  steps longtext
  asked_by person default me
  developer person
  release ref(Release)
  value number
  effort number
  score number = value / effort
  severity choice(low, medium, high)
  state choice(new, ready, in work, in test, done, declined) default new
  screenshot image
access Release: Colleague read; Developer read; Product Owner all
access Item: Colleague create, read; Developer create, read, edit; Product Owner all
access Item.value: Colleague read; Developer read; Product Owner read, edit
rule Item on create, edit: value is empty or value >= 1 and value <= 10 else "The value is between 1 and 10."
action Item "Start" for Developer when state = ready: state = in work, developer = me
action Item "To test" for Developer when state = in work: state = in test
action Item "Done" for Product Owner when state = in test: state = done
mark Item red where kind = bug and severity = high and not state in (done, declined)
page "Board" board Item by state
page "Backlog" table Item (number, title, kind, value, effort, score, state) sort score down where state in (new, ready)
page "Report something" form Item
page "Releases" calendar Release by date
page "Overview" dashboard: count Item where state = new, count Item where kind = bug and not state in (done, declined), bar Item by state, bar Item by release
example Release: "2027.1", 2027-01-29
example Item: -, "Export as PDF", feature, "Customers print reports", -, "anna@example.org", -, "2027.1", 8, 3
example Item: -, "Search forgets umlauts", bug, -, "Search for Müller", "ben@example.org", -, -, 6, 1, -, high, ready

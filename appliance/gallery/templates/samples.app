# category: Research
# keywords: sample, laboratory, experiment, test, analysis, probe, labor, versuch, analyse, échantillon, laboratoire, muestra, laboratorio
app "Lab Samples"
about "Which sample came from where, where it is, and what was found."
role Technician
role Scientist
entity Study
  title text required unique
  lead person
  starts date
  ends date
  aim longtext
  state choice(planned, running, finished) default running
entity Sample
  code sequence(L-00001)
  study ref(Study) required
  kind choice(water, soil, tissue, powder, gas) required
  taken_on date required default today
  taken_at text
  taken_by person default me
  amount number
  unit choice(ml, g, piece)
  store text
  best_before date
  state choice(stored, in analysis, used up, discarded) default stored
  hazard boolean
entity Result
  sample ref(Sample) required
  method text required
  measured_on date default today
  quantity text required
  value number
  unit text
  limit number
  above_limit boolean
  measured_by person default me
  report file
access Study: Technician read; Scientist all
access Sample: Technician create, read, edit; Scientist all
access Result: Technician create, read, edit own; Scientist all
action Sample "Take to analysis" for Technician, Scientist when state = stored: state = in analysis
action Sample "Used up" for Technician, Scientist when state = in analysis: state = used up
mark Sample red where best_before < today and state = stored
mark Sample orange where hazard and state != discarded
mark Result red where value > limit
page "Samples" table Sample
page "Expired" table Sample where best_before < today and state = stored
page "Results" table Result
page "Above limit" table Result where value > limit
page "Studies" timeline Study from starts to ends
page "Overview" dashboard: count Sample where state = stored, count Result where value > limit, bar Sample by kind, bar Sample by study
example Study: "River survey", "anna@example.org", 2026-04-01, 2027-03-31
example Sample: -, "River survey", water, 2026-11-11, "Bridge 3", "ben@example.org", 500, ml, "Fridge 2", 2026-11-21
example Sample: -, "River survey", soil, 2026-11-11, "Bank 1", "ben@example.org", 120, g, "Shelf 4", 2027-05-01
example Result: "L-00001", "ICP-MS", 2026-11-13, "Lead", 11.2, "µg/l", 10

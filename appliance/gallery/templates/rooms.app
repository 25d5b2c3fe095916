# category: Office
# keywords: room, booking, meeting room, reservation, desk, raum, buchung, besprechungsraum, salle, réservation, sala, reserva
app "Room Booking"
about "Meeting rooms, what they have, and who has them when."
role Colleague
role Facility
entity Room
  name text required unique
  floor choice(ground, first, second, third)
  seats number required
  screen boolean
  video boolean
  accessible boolean
  photo image
  notes longtext
entity Booking
  room ref(Room) required
  title text required
  person person required default me
  starts datetime required
  ends datetime required
  people number
  catering boolean
  state choice(asked, confirmed, cancelled) default confirmed
  notes longtext
access Room: Colleague read; Facility all
access Booking: Colleague create, read, edit own; Facility all
rule Booking on create, edit: ends > starts else "The end must be after the start."
rule Booking on create, edit: people is empty or people <= room.seats else "This room has fewer seats."
action Booking "Cancel" for Facility, person when state != cancelled: state = cancelled
mark Booking grey where state = cancelled
mark Booking orange where catering and state = confirmed
page "Calendar" calendar Booking by starts where state != cancelled
page "Book" form Booking
page "My bookings" table Booking where person = me
page "Rooms" table Room
page "Catering" table Booking where catering and state = confirmed
page "Overview" dashboard: count Booking where state = confirmed, bar Booking by room, bar Room by floor
example Room: "Elbe", ground, 12, true, true, true
example Room: "Spree", second, 6, true, false, false
example Booking: "Elbe", "Quarterly review", "anna@example.org", 2026-11-25T09:00, 2026-11-25T11:00, 10, true
example Booking: "Spree", "Interview", "ben@example.org", 2026-11-25T14:00, 2026-11-25T15:00, 3

# category: Communication
# keywords: content, editorial calendar, blog, social media, newsletter, redaktion, redaktionsplan, beitrag, éditorial, contenu, contenido, editorial
app "Editorial Calendar"
about "What is written for which channel, by whom, and when it goes out."
role Author
role Editor
entity Channel
  name text required unique
  kind choice(website, newsletter, social media, print) required
  address url
  followers number
entity Piece
  title text required
  channel ref(Channel) required
  brief longtext
  author person
  editor person
  due date
  goes_out_on date
  language choice(English, German, French)
  keywords text
  text longtext
  picture image
  state choice(idea, in writing, in review, approved, published) default idea
  link url
  remarks longtext
access Channel: Author read; Editor all
access Piece: Author create, read, edit own; Editor all
action Piece "To review" for author when state in (idea, in writing): state = in review
action Piece "Approve" for Editor when state = in review: state = approved
action Piece "Published" for Editor when state = approved: state = published
remind Piece 1 day before due to author where state in (idea, in writing) "Text due tomorrow: {title}"
mark Piece red where due < today and state in (idea, in writing)
page "Board" board Piece by state
page "Calendar" calendar Piece by goes_out_on
page "My pieces" table Piece where author = me
page "Channels" table Channel
page "Overview" dashboard: count Piece where state = in review, bar Piece by channel, bar Piece by state
example Channel: "Company blog", website, "https://example.org/blog", 3200
example Channel: "Monthly letter", newsletter, -, 1150
example Piece: "How we test cables", "Company blog", "Behind the scenes", "anna@example.org", "ben@example.org", 2026-11-26, 2026-12-02, English
example Piece: "Winter hours", "Monthly letter", -, "ben@example.org", -, 2026-11-20, 2026-11-30, English

// Runs before the first paint: without scripts both sides stay visible, with them a switch decides.
document.documentElement.classList.add("js");

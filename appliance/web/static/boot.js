// Runs before the first paint: without scripts every panel stays visible, with them the tabs decide.
document.documentElement.classList.add("js");

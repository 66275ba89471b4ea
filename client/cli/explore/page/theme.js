// Before anything is drawn: the theme that was chosen, else the system's.
"use strict";
const chosen = localStorage.getItem("bobbin-theme");
if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;

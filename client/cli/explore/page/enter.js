// The key that came with the link stays in this browser; what comes next is the view.
"use strict";
const key = document.querySelector("meta[name=bobbin-key]").content;
localStorage.setItem("bobbin-key", key);
location.replace("/" + location.hash);

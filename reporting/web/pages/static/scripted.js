// Before the page is drawn: there are scripts, so one question is shown at a time. Should ours not
// arrive (one bar of signal), the whole form comes back, which needs none.
document.documentElement.classList.add("is-scripted");
setTimeout(() => {
  if (!document.documentElement.classList.contains("is-flowing")) document.documentElement.classList.remove("is-scripted");
}, 8000);

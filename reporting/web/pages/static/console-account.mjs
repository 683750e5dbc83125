// Accounts: a button that shows a typed password, one that copies a link, and only those fields that
// a role has. All of it works without this file.

for (const field of document.querySelectorAll("input[data-shows]")) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "quiet shows";
  button.setAttribute("aria-controls", field.id);
  const say = () => {
    const isShown = field.type === "text";
    button.textContent = isShown ? "Hide password" : "Show password";
    button.setAttribute("aria-pressed", String(isShown));
  };
  button.addEventListener("click", () => {
    field.type = field.type === "text" ? "password" : "text";
    say();
  });
  // What is sent is a password again, so that the browser offers to keep it.
  field.form.addEventListener("submit", () => { field.type = "password"; });
  say();
  field.after(button);
}

for (const button of document.querySelectorAll("[data-copies]")) {
  const field = document.getElementById(button.dataset.copies);
  button.hidden = false;
  button.addEventListener("click", async () => {
    field.select();
    await navigator.clipboard.writeText(field.value);
    document.getElementById("copied").textContent = "Copied.";
  });
}

const role = document.getElementById("role");
if (role) {
  const show = () => {
    for (const part of document.querySelectorAll("[data-role]")) part.hidden = part.dataset.role !== role.value;
  };
  role.addEventListener("change", show);
  show();
}

// The sign-in page: which tablet this is goes with the form, and whose work waits here is said.

const field = document.getElementById("tablet");
const others = document.getElementById("others");

field.value = await CrewDb.tablet();
const elsewhere = document.querySelector("[data-sign-in-elsewhere]");
if (elsewhere) elsewhere.search += `&tablet=${field.value}`;

const waiting = await CrewDb.unsentByPerson();
const names = Object.values(waiting).map(({ name, count }) => `${name} (${count === 1 ? "1 change" : `${count} changes`})`);
if (names.length) {
  others.textContent = `Work that has not been sent yet waits here for: ${names.join(", ")}. ` +
    "It is sent when that person signs in.";
  others.hidden = false;
}

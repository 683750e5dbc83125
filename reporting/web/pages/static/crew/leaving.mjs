// This tablet: who works on it, everything on it as a file, and signing out, which waits until all
// is sent.

import { button, make } from "./make.mjs";

export function leaving() {
  const told = make("div", { role: "status" });
  const who = make("p", {});
  const acts = make("p", { class: "acts" },
    button("Save all as a file", () => save(), "plain"),
    button("Sign out", () => ask(), "plain"));
  const box = make("section", { class: "leaving", "aria-labelledby": "leaving" },
    make("h2", { id: "leaving" }, "This tablet"), who, acts, told);
  Crew.state().then(({ me }) => { who.textContent = me ? `${me.name} works on it, for ${me.teams.map((team) => team.name).join(", ") || me.authority.name}.` : ""; });

  async function save() {
    const file = await Crew.exportQueue();
    const link = make("a", { href: URL.createObjectURL(file), download: file.name });
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
    told.replaceChildren(make("p", { class: "note good" }, `Saved as ${file.name}.`));
  }

  async function unsent() {
    const [{ waiting, needs }, drafts] = await Promise.all([Crew.state(), Crew.drafts()]);
    return [
      waiting && `${waiting} waiting to be sent`, needs && (needs === 1 ? "1 that needs you" : `${needs} that need you`),
      drafts.length && `${drafts.length} begun and not finished`,
    ].filter(Boolean);
  }

  // Refused before anything is asked, so that nobody thinks it is done.
  async function ask() {
    const left = await unsent();
    if (left.length) return refuse(left);
    const yes = button("Yes, sign out", () => leave(), "danger");
    told.replaceChildren(make("div", { class: "note" },
      make("p", {}, "Everything has been sent. Signing out takes the jobs and photos off this tablet."),
      yes, button("Stay", () => told.replaceChildren(), "plain")));
    yes.focus();
  }

  function refuse(left) {
    const sync = button("Sync now", async () => {
      await Crew.sync();
      const still = await unsent();
      if (still.length) refuse(still);
      else told.replaceChildren(make("p", { class: "note good" }, "Everything has been sent. You can sign out now."));
    });
    told.replaceChildren(make("div", { class: "note bad" },
      make("p", {}, `Not yet: ${left.join(", ")}. Signing out now would leave it behind, so you stay signed in.`),
      sync, button("Save it as a file", () => save(), "plain"), button("Show it", () => scrollTo({ top: 0 }), "plain")));
    sync.focus();
  }

  async function leave() {
    const { done, unsent: left } = await Crew.signOut();
    if (done) return location.assign("/crew/sign-in?left=1");
    if (left) return refuse(await unsent());
    told.replaceChildren(make("p", { class: "note warn" }, "Signing out needs signal. Nothing was changed."));
  }

  return box;
}

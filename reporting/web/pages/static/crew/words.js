// What a crew did, in words. A classic script: the page and the service worker share it.
"use strict";
(function (self) {
  const STATUSES = {
    received: "To do", scheduled: "Planned", in_progress: "Started", waiting: "Waiting",
    referred: "Passed on", fixed: "Done", closed: "Closed without work",
  };
  const REASONS = {
    not_found: "not found", below_threshold: "too small to act on", not_ours: "not ours",
    private_land: "on private land", withdrawn: "withdrawn", invalid: "not a job",
  };
  const FIELDS = {
    status: "Status", reason: "Reason", scheduled_for: "Planned for", worker: "Who works on it",
    team: "Team", priority: "Priority", category: "Category", location: "Place", referred_to: "Passed on to",
  };

  const reason = (code) => REASONS[code] ?? code;
  const day = (at) => new Date(at).toLocaleDateString("en-GB", { weekday: "short", day: "numeric", month: "short" });
  const time = (at) => new Date(at).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });

  // A value of a field, as a person says it.
  function value(field, given, me = null) {
    if (given === null || given === undefined) return "nothing";
    if (field === "status") return STATUSES[given] ?? given;
    if (field === "reason") return reason(given);
    if (field === "scheduled_for") return day(given);
    if (field === "worker") return given === "me" || given === me?.id ? "you" : given.name ?? "a colleague";
    if (field === "location") return `${given.lat?.toFixed(5)}, ${given.lng?.toFixed(5)}`;
    return typeof given === "object" ? given.name ?? given.slug ?? JSON.stringify(given) : String(given);
  }

  function status({ status: to, reason: why, scheduled_for, referred_to, authority }) {
    if (to === "closed") return `Can’t do: ${reason(why)}`;
    if (to === "waiting") return `Waiting: ${reason(why) ?? "no reason"}`;
    if (to === "scheduled") return scheduled_for ? `Planned for ${day(scheduled_for)}` : "Planned";
    if (to === "referred") return `Passed on to ${referred_to ?? authority ?? "another authority"}`;
    if (to === "received") return "Sent back";
    return STATUSES[to] ?? to;
  }

  // Everything an operation says, in a line.
  function described(fields) {
    const said = [];
    if (fields.status) said.push(status(fields));
    if (fields.worker !== undefined && !fields.status) said.push(fields.worker === "me" ? "Taken over" : "Handed on");
    for (const field of ["team", "priority", "category", "location"]) {
      if (fields[field]) said.push(`${FIELDS[field]}: ${value(field, fields[field])}`);
    }
    if (fields.photos?.length) {
      const kind = fields.photos_show ? `${fields.photos_show} ` : "";
      said.push(fields.photos.length === 1 ? `A ${kind}photo`.replace("A after", "An after") : `${fields.photos.length} ${kind}photos`);
    }
    if (fields.note) said.push(`Note: “${fields.note}”`);
    if (fields.public_message) said.push(`To who reported it: “${fields.public_message}”`);
    return said.join(" · ") || "A change";
  }

  // How long ago, to the step that matters to somebody at work.
  function ago(at, now = Date.now()) {
    const minutes = Math.floor((now - Date.parse(at)) / 60_000);
    if (minutes < 1) return "just now";
    if (minutes < 60) return minutes === 1 ? "1 minute ago" : `${minutes} minutes ago`;
    const hours = Math.floor(minutes / 60);
    if (hours < 24) return hours === 1 ? "1 hour ago" : `${hours} hours ago`;
    const days = Math.floor(hours / 24);
    return days === 1 ? "1 day ago" : `${days} days ago`;
  }

  self.CrewWords = { STATUSES, REASONS, FIELDS, reason, value, described, ago, day, time };
})(self);

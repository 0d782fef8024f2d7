// Derived values that several parts need.

/** The most load that a substation or a feeder may bear: the least of its capacity and the limit in force; null where there is neither. */
export const bound = ({ capacity, limit }) => (limit ? Math.min(limit.value, capacity ?? limit.value) : capacity);

/** The estimate divided by the bound; null where there is none. */
export const utilisation = (one) => (bound(one) > 0 ? one.estimate / bound(one) : null);

/** The value to compare by: utilisation, or load where no capacity is known. */
export const fullness = (one) => utilisation(one) ?? one.estimate;

/** Whether it is unreachable or was ejected for failing: what a person looks for first. */
export const isDead = (one) => one.state === "down" || one.state === "ejected";

/** How to draw a substation or a feeder. */
export function tone(one) {
  if (isDead(one)) return "dead";
  if (one.in_rotation === false) return "out";
  // A limit of zero leaves no room, whatever the load is.
  const used = utilisation(one) ?? (one.limit?.value === 0 ? 1 : 0);
  const isFeeder = !("in_rotation" in one);
  if (one.state !== "up" && !(isFeeder && used >= 0.98)) return "old";
  return used >= 0.98 ? "full" : used >= 0.9 ? "near" : "";
}

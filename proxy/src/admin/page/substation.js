// Derived values that several parts need.

/** The estimate divided by the capacity; null where no capacity is known. */
export const utilisation = (one) => (one.capacity > 0 ? one.estimate / one.capacity : null);

/** The value to compare by: utilisation, or load where no capacity is known. */
export const fullness = (one) => utilisation(one) ?? one.estimate;

/** Whether it is unreachable or was ejected for failing: what a person looks for first. */
export const isDead = (one) => one.state === "down" || one.state === "ejected";

/** How to draw a substation. */
export function tone(one) {
  if (isDead(one)) return "dead";
  if (!one.in_rotation) return "out";
  if (one.state !== "up") return "old";
  const used = utilisation(one) ?? 0;
  return used >= 0.98 ? "full" : used >= 0.9 ? "near" : "";
}

// Derived values that several parts need.

/** The estimate divided by the capacity; null where no capacity is known. */
export const utilisation = (one) => (one.capacity > 0 ? one.estimate / one.capacity : null);

/** The value to compare by: utilisation, or load where no capacity is known. */
export const fullness = (one) => utilisation(one) ?? one.estimate;

/** How to draw a substation. */
export function tone(one) {
  if (!one.in_rotation) return "out";
  if (one.state !== "up") return "old";
  const used = utilisation(one) ?? 0;
  return used >= 0.98 ? "full" : used >= 0.9 ? "near" : "";
}

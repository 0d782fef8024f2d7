// What every part asks of a substation.

/** The estimate by the capacity; null where no capacity is known. */
export const utilisation = (one) => (one.capacity > 0 ? one.estimate / one.capacity : null);

/** What is compared: utilisation, or load where no capacity is known. */
export const fullness = (one) => utilisation(one) ?? one.estimate;

/** How a substation is to be drawn. */
export function tone(one) {
  if (!one.in_rotation) return "out";
  if (one.state !== "up") return "old";
  const used = utilisation(one) ?? 0;
  return used >= 0.98 ? "full" : used >= 0.9 ? "near" : "";
}

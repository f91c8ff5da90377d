// A place that scrolls where its content is wider than it, and says so: while there is more to the right its edge fades (base.css).

/** @import { Child } from "./dom.js" */
import { h } from "./dom.js";

/** @param {string} label for those who do not see it @param {Record<string, any>} props @param {...Child} content */
export function scrollable(label, props, ...content) {
  const place = h("div", { tabindex: "0", role: "region", "aria-label": label, ...props }, content);
  const mark = () => {
    place.toggleAttribute("data-more", place.scrollWidth - place.clientWidth - place.scrollLeft > 1);
    // The scroll bar does not fade along.
    place.style.setProperty("--bar", `${place.offsetWidth - place.clientWidth}px`);
  };
  place.addEventListener("scroll", mark, { passive: true });
  const sizes = new ResizeObserver(mark);
  for (const each of [place, ...place.children]) sizes.observe(each);
  return place;
}

// Before the first paint: the theme that the reader chose on an earlier visit. Not a module: modules run after parsing, and not at all
// on a page that was opened from a file, which is told here.
if (new URLSearchParams(location.search).get("embed") === "1") document.documentElement.dataset.embed = "";
if (location.protocol === "file:") document.documentElement.dataset.opened = "file";
try {
  const chosen = localStorage.getItem("kvlens-theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
} catch {
  // Storage is refused (private window, sandboxed frame): the system's theme stands.
}

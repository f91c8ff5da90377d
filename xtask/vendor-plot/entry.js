// The marks, scales and transforms of Observable Plot that www/charts draws with; all else is left out of plot.js.
export {
  plot, dot, link, line, ruleX, ruleY, barX, barY, rect, rectY, cell, areaY, text, tip,
  axisX, axisY, axisFx, axisFy, gridX, gridY, frame, pointer, pointerX, stackX, stackY, scale,
} from "@observablehq/plot";

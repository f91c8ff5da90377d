// Just enough for `tsc --checkJs`: Plot's own types are larger than the charts that use them.
type Any = (...args: any[]) => any;
export const plot: (options: any) => SVGSVGElement & { scale(name: string): any };
export const dot: Any, link: Any, line: Any, ruleX: Any, ruleY: Any, barX: Any, barY: Any, rect: Any, rectY: Any, cell: Any, areaY: Any,
  text: Any, tip: Any, axisX: Any, axisY: Any, axisFx: Any, axisFy: Any, gridX: Any, gridY: Any, frame: Any, pointer: Any,
  pointerX: Any, stackX: Any, stackY: Any, scale: Any;

import { lazy, Suspense } from "react";
import { useTranslation } from "react-i18next";
import type { ChartProps } from "./echart";

const EChart = lazy(() => import("./echart"));

/** A chart with a text alternative; the drawing library loads only when a chart is on the page. */
export function Chart(props: ChartProps) {
  const { t } = useTranslation();
  return (
    <Suspense
      fallback={
        <div className="loading" style={{ height: props.height }}>
          {t("chart.loading")}
        </div>
      }
    >
      <EChart {...props} />
    </Suspense>
  );
}

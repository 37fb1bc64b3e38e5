import { useTranslation } from "react-i18next";
import type { Installation, InstallationState } from "../../api/plugins";
import { Badge } from "../../components/badges";
import { colour, verdictColour } from "../../styles/tokens";

const COLOUR: Record<InstallationState, string> = {
  new: colour.inkFaint,
  ok: verdictColour.improved,
  failing: verdictColour.recovered,
  paused: verdictColour.worse,
  resting: verdictColour.recovered,
  stale: verdictColour.worse,
  quarantined: verdictColour.worse,
};

/** How an installation is doing, in one word. */
export function InstallationBadge(props: { installation: Installation }) {
  const { t } = useTranslation();
  const { installation } = props;
  if (!installation.enabled) return <Badge colour={colour.inkFaint}>{t("installation_state.off")}</Badge>;
  // Without an origin it works as far as it goes: an administrator may grant less than was asked for.
  if (installation.lacks.some((lack) => lack.kind !== "host"))
    return <Badge colour={verdictColour.recovered}>{t("installation_state.incomplete")}</Badge>;
  return <Badge colour={COLOUR[installation.state]}>{t(`installation_state.${installation.state}`)}</Badge>;
}

import { App, Button } from "antd";
import { useTranslation } from "react-i18next";
import { type MailAddress, useAddresses, useEnableAddress } from "../../api/mail";
import { Badge } from "../../components/badges";
import { EmptyState, More, Panel, QueryView } from "../../components/page";
import { ProblemAlert } from "../../components/problem-alert";
import { useFormat } from "../../lib/format";
import { useMay } from "../../lib/session";
import { colour, verdictColour } from "../../styles/tokens";

function Row(props: { address: MailAddress }) {
  const { t } = useTranslation();
  const format = useFormat();
  const { message } = App.useApp();
  const enable = useEnableAddress();
  const mayEnable = useMay("manage_access");
  const { address } = props;
  return (
    <li className="record">
      <span>
        <span className="record__title">{address.email}</span>
        <span className="record__meta num">
          <span>{t("addresses.bounces", { n: address.hard_bounces })}</span>
          <span>{format.dateTime(address.last_bounce_at)}</span>
          <span>{address.last_reason}</span>
        </span>
        <ProblemAlert error={enable.error} />
      </span>
      <span className="record__side">
        <Badge colour={address.disabled_at ? verdictColour.worse : colour.accent}>
          {t(address.disabled_at ? "addresses.closed" : "addresses.watched")}
        </Badge>
        {mayEnable && address.disabled_at && (
          <Button
            size="small"
            loading={enable.isPending}
            onClick={() =>
              enable.mutate(address.email, {
                onSuccess: ({ released }) => message.success(t("addresses.opened", { n: released })),
              })
            }
          >
            {t("addresses.open")}
          </Button>
        )}
      </span>
    </li>
  );
}

/** Addresses that mails came back from; who is closed gets nothing until somebody opens them again. */
export function AddressesPanel() {
  const { t } = useTranslation();
  const addresses = useAddresses();
  return (
    <div className="stack">
      <p className="soft">{t("addresses.intro")}</p>
      <Panel flush>
        <QueryView query={addresses}>
          {(items) =>
            items.length === 0 ? (
              <EmptyState title={t("addresses.none")} next={t("addresses.none_next")} />
            ) : (
              <ul className="records">
                {items.map((address) => (
                  <Row key={address.email} address={address} />
                ))}
              </ul>
            )
          }
        </QueryView>
        <More query={addresses} />
      </Panel>
    </div>
  );
}

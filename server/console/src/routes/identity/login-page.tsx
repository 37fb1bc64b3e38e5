import { useNavigate, useSearch } from "@tanstack/react-router";
import { Button, Form, Input } from "antd";
import { useEffect } from "react";
import { useTranslation } from "react-i18next";
import { useLogIn } from "../../api/hooks";
import { BrandMark } from "../../components/brand-mark";
import { LanguageSwitch } from "../../components/language-switch";
import { ProblemAlert } from "../../components/problem-alert";
import { innerPath } from "../../lib/inner-path";

const STEPS = ["collect", "analyse", "detect", "prioritise", "assign", "improve", "verify", "know"] as const;

/** The eight steps on a ring, closing where they began. */
function LoopRing() {
  const { t } = useTranslation();
  const radius = 108;
  const steps = STEPS.map((step, index) => {
    const angle = (index / STEPS.length) * 2 * Math.PI - Math.PI / 2;
    return { step, x: 170 + radius * Math.cos(angle), y: 170 + radius * Math.sin(angle), angle };
  });
  return (
    <svg className="login__ring" viewBox="0 0 340 340" aria-hidden="true">
      <circle cx="170" cy="170" r={radius} fill="none" stroke="#2c6a6c" strokeWidth="2" />
      <path
        d={`M ${steps[7]?.x} ${steps[7]?.y} A ${radius} ${radius} 0 0 1 170 ${170 - radius}`}
        fill="none"
        stroke="#f0a068"
        strokeWidth="3"
        strokeDasharray="4 6"
      />
      {steps.map(({ step, x, y, angle }) => {
        const cos = Math.cos(angle);
        const anchor = Math.abs(cos) < 0.3 ? "middle" : cos > 0 ? "start" : "end";
        const labelX = x + 16 * cos;
        const labelY = y + 20 * Math.sin(angle) + 5;
        return (
          <g key={step}>
            <circle cx={x} cy={y} r="7" fill="#0b3b40" stroke="#8cc7bf" strokeWidth="3" />
            <text x={labelX} y={labelY} textAnchor={anchor} fill="#cfe3e0" fontSize="14">
              {t(`loop.${step}`)}
            </text>
          </g>
        );
      })}
    </svg>
  );
}

export function LoginPage() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const { next } = useSearch({ from: "/login" });
  const logIn = useLogIn();

  useEffect(() => {
    document.title = `${t("login.title")} · ${t("app.name")}`;
  }, [t]);

  return (
    <div className="login">
      <header className="login__story">
        <div className="brand" style={{ padding: 0 }}>
          <BrandMark size={30} />
          {t("app.name")}
        </div>
        <LoopRing />
        <div>
          <h1>{t("app.tagline")}</h1>
          <p>{t("login.why")}</p>
        </div>
      </header>
      <main className="login__form">
        <div>
          <h2>{t("login.title")}</h2>
          <ProblemAlert error={logIn.error} />
          <Form<{ email: string; password: string }>
            layout="vertical"
            requiredMark={false}
            onFinish={async (values) => {
              try {
                await logIn.mutateAsync(values);
              } catch {
                return; // shown above the form
              }
              await navigate({ href: innerPath(next) });
            }}
          >
            <Form.Item
              name="email"
              label={t("login.email")}
              rules={[{ required: true, message: t("app.required") }]}
            >
              <Input type="email" autoComplete="username" autoFocus size="large" />
            </Form.Item>
            <Form.Item
              name="password"
              label={t("login.password")}
              rules={[{ required: true, message: t("app.required") }]}
            >
              <Input.Password autoComplete="current-password" size="large" />
            </Form.Item>
            <Button type="primary" htmlType="submit" size="large" block loading={logIn.isPending}>
              {t("login.submit")}
            </Button>
          </Form>
          <div style={{ marginTop: 28 }}>
            <LanguageSwitch />
          </div>
        </div>
      </main>
    </div>
  );
}

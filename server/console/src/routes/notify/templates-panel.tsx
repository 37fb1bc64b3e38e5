import { App, Button, Form, Input, Segmented, Tabs } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { usePreview, useTemplates, useTrial } from "../../api/mail";
import { Panel, QueryView } from "../../components/page";
import { ProblemAlert } from "../../components/problem-alert";
import { languageOf } from "../../i18n";
import { useMay, useSession } from "../../lib/session";
import { MailFrame } from "./mail-frame";

function Trial(props: { template: string; language: string }) {
  const { t } = useTranslation();
  const { message } = App.useApp();
  const { user } = useSession();
  const trial = useTrial();
  const email = { type: "email" as const, message: t("departments.bad_email") };
  return (
    <Form<{ to: string }>
      layout="inline"
      initialValues={{ to: user.email }}
      onFinish={({ to }) =>
        trial.mutate(
          { to: to.trim(), language: props.language, template: props.template },
          { onSuccess: () => message.success(t("templates.sent")) },
        )
      }
    >
      <Form.Item
        name="to"
        label={t("templates.to")}
        rules={[{ required: true, message: t("app.required") }, email]}
      >
        <Input type="email" style={{ minWidth: 220 }} />
      </Form.Item>
      <Button htmlType="submit" loading={trial.isPending}>
        {t("templates.send")}
      </Button>
      <ProblemAlert error={trial.error} />
    </Form>
  );
}

function PreviewView(props: { template: string; language: string }) {
  const { t } = useTranslation();
  const preview = usePreview(props.template, props.language);
  const maySend = useMay("manage_access");
  return (
    <QueryView query={preview}>
      {(mail) => (
        <Panel>
          <h2 style={{ fontSize: 17, lineHeight: 1.4 }}>{mail.subject}</h2>
          {maySend && <Trial template={props.template} language={props.language} />}
          <Tabs
            items={[
              { key: "html", label: t("mailbox.html"), children: <MailFrame mail={mail} /> },
              {
                key: "text",
                label: t("mailbox.text"),
                children: <div className="mail-text">{mail.text}</div>,
              },
            ]}
          />
        </Panel>
      )}
    </QueryView>
  );
}

/** Every kind of mail as its reader would see it, and a way to send a sample. */
export function TemplatesPanel() {
  const { t, i18n } = useTranslation();
  const [language, setLanguage] = useState<string>(languageOf(i18n.language));
  const [picked, setPicked] = useState<string | null>(null);
  const templates = useTemplates(language);
  return (
    <div className="stack">
      <div className="row row--between">
        <p className="soft">{t("templates.intro")}</p>
        <Segmented
          aria-label={t("templates.language")}
          value={language}
          onChange={setLanguage}
          options={[
            { value: "zh-CN", label: t("language.zh-CN") },
            { value: "en", label: t("language.en") },
          ]}
        />
      </div>
      <QueryView query={templates}>
        {(items) => {
          const current = picked ?? items[0]?.name;
          return (
            <div className="columns columns--narrow-left">
              <Panel flush className="mail-list">
                <ul className="records">
                  {items.map((template) => (
                    <li key={template.name}>
                      <button
                        type="button"
                        className={template.name === current ? "record record--selected" : "record"}
                        aria-pressed={template.name === current}
                        onClick={() => setPicked(template.name)}
                      >
                        <span>
                          <span className="record__title">{template.subject}</span>
                          <span className="record__meta">
                            <code>{template.name}</code>
                          </span>
                        </span>
                      </button>
                    </li>
                  ))}
                </ul>
              </Panel>
              {current && (
                <PreviewView key={`${current} ${language}`} template={current} language={language} />
              )}
            </div>
          );
        }}
      </QueryView>
    </div>
  );
}

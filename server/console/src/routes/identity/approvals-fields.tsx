import { Button, Form, Input, Select } from "antd";
import { useTranslation } from "react-i18next";
import { KINDS } from "../../api/work";

/** Kinds of improvement that somebody approves, and who. */
export function ApprovalsFields() {
  const { t } = useTranslation();
  return (
    <>
      <h3 className="subhead">{t("organisation.approvals")}</h3>
      <p className="faint" style={{ marginBottom: 10 }}>
        {t("organisation.approvals_text")}
      </p>
      <Form.List name="approvals">
        {(fields, { add, remove }) => (
          <div className="stack stack--tight" style={{ marginBottom: 16 }}>
            {fields.map((field) => (
              <div key={field.key} className="row">
                <Form.Item
                  name={[field.name, "kind"]}
                  noStyle
                  rules={[{ required: true, message: t("app.required") }]}
                >
                  <Select
                    aria-label={t("work.kind")}
                    style={{ width: 180 }}
                    options={KINDS.map((value) => ({ value, label: t(`improvement_kind.${value}`) }))}
                  />
                </Form.Item>
                <Form.Item name={[field.name, "approver_email"]} noStyle>
                  <Input
                    aria-label={t("organisation.approver")}
                    placeholder={t("organisation.approver_hint")}
                    style={{ width: 300 }}
                  />
                </Form.Item>
                <Button type="text" danger onClick={() => remove(field.name)}>
                  {t("app.remove")}
                </Button>
              </div>
            ))}
            <div>
              <Button size="small" onClick={() => add({})}>
                {t("organisation.add_approval")}
              </Button>
            </div>
          </div>
        )}
      </Form.List>
    </>
  );
}

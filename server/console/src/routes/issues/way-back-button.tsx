import { App, Button, Form, Input, Modal } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { useRejoin, useUnmerge } from "../../api/life";
import type { Issue } from "../../api/types";
import { ProblemAlert } from "../../components/problem-alert";

/** Takes a merge or a split back, with a reason. */
export function WayBackButton(props: {
  issue: Issue;
  undo: ReturnType<typeof useRejoin> | ReturnType<typeof useUnmerge>;
  words: { undo: string; undone: string; reason: string; intro?: string };
}) {
  const { t } = useTranslation();
  const { message } = App.useApp();
  const [asking, setAsking] = useState(false);
  const [form] = Form.useForm<{ reason: string }>();
  const { issue, undo, words } = props;
  return (
    <>
      <Button onClick={() => setAsking(true)}>{words.undo}</Button>
      <Modal
        open={asking}
        title={words.undo}
        okText={words.undo}
        cancelText={t("app.cancel")}
        confirmLoading={undo.isPending}
        onCancel={() => setAsking(false)}
        onOk={() => form.submit()}
        destroyOnHidden
      >
        <ProblemAlert error={undo.error} />
        {words.intro && (
          <p className="soft" style={{ marginBottom: 12 }}>
            {words.intro}
          </p>
        )}
        <Form
          form={form}
          layout="vertical"
          onFinish={async ({ reason }) => {
            try {
              await undo.mutateAsync({ id: issue.id, version: issue.version, reason: reason.trim() });
              message.success(words.undone);
              setAsking(false);
            } catch {
              // Shown above.
            }
          }}
        >
          <Form.Item
            name="reason"
            label={words.reason}
            rules={[{ required: true, whitespace: true, message: t("app.required") }]}
          >
            <Input.TextArea autoSize={{ minRows: 2, maxRows: 6 }} maxLength={1000} />
          </Form.Item>
        </Form>
      </Modal>
    </>
  );
}

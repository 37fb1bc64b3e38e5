import { Link } from "@tanstack/react-router";
import { Alert, App, Button, DatePicker, Drawer, Form, Input, Select } from "antd";
import type { Dayjs } from "dayjs";
import dayjs from "dayjs";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { ContractWish } from "../../api/evidence";
import { useAssignTask, useDepartments, useProposedContract, useTopics } from "../../api/hooks";
import type { Department, Issue } from "../../api/types";
import { ProblemAlert } from "../../components/problem-alert";
import { addDays, dayIn, useFormat, wallTime } from "../../lib/format";
import { useIssueName } from "../../lib/issue-name";
import { useSession } from "../../lib/session";
import { useSettled } from "../../lib/use-settled";
import { KindFields, type KindValues, kindOf } from "../tasks/kind-fields";
import { ContractChoice } from "./contract-choice";

type Values = KindValues & {
  title: string;
  description: string;
  department: string;
  owner_email?: string;
  due?: Dayjs | null;
  measures?: string;
};

/** Days that a new task gets when nothing else is said: two for urgent ones, two weeks for the others. */
const USUAL_DAYS = { fix_now: 2, plan: 28, quick_win: 7, watch: 14 } as const;

function AssignForm(props: { issue: Issue; departments: readonly Department[]; onDone: () => void }) {
  const { t } = useTranslation();
  const format = useFormat();
  const session = useSession();
  const { message } = App.useApp();
  const { issue, departments } = props;
  const nameOf = useIssueName();
  const topics = useTopics().data;
  const assign = useAssignTask(issue.id);
  const [form] = Form.useForm<Values>();
  const chosen = Form.useWatch("department", form);
  const department = departments.find((candidate) => candidate.key === chosen);
  const inCharge = topics?.find((topic) => topic.key === issue.topic)?.owner_department;
  const first = departments.find((candidate) => candidate.key === inCharge) ?? departments[0];
  const today = dayIn(new Date(), format.zone);
  const [wish, setWish] = useState<ContractWish>({});
  // Typing must not ask the server for every digit.
  const settled = useSettled(wish, 400);
  const proposed = useProposedContract(issue.id, settled);
  const refused = proposed.data?.refused ?? null;

  if (departments.length === 0) {
    return (
      <Alert
        type="warning"
        title={t("assign.no_departments")}
        action={<Link to="/settings/departments">{t("assign.to_departments")}</Link>}
      />
    );
  }

  async function submit(values: Values) {
    try {
      await assign.mutateAsync({
        title: values.title.trim(),
        description: values.description.trim(),
        department: values.department,
        ...(values.owner_email && { owner_email: values.owner_email }),
        ...(values.due && { due_at: wallTime(values.due.format("YYYY-MM-DDTHH:mm"), format.zone) }),
        measures: (values.measures ?? "")
          .split("\n")
          .map((line) => line.trim())
          .filter(Boolean),
        ...kindOf(values),
        ...(Object.keys(wish).length > 0 && { contract: wish }),
      });
      message.success(t("assign.done", { name: department?.name || values.department }));
      props.onDone();
    } catch {
      // Shown above the form; the entries stay.
    }
  }

  return (
    <Form<Values>
      form={form}
      layout="vertical"
      onFinish={submit}
      initialValues={{
        title: nameOf(issue),
        department: first?.key,
        due: dayjs(`${addDays(today, USUAL_DAYS[issue.quadrant])}T18:00`),
      }}
    >
      <ProblemAlert error={assign.error} />
      <Form.Item
        name="title"
        label={t("assign.task_title")}
        rules={[{ required: true, whitespace: true, message: t("app.required") }]}
      >
        <Input maxLength={200} />
      </Form.Item>
      <Form.Item
        name="description"
        label={t("assign.description")}
        extra={t("assign.description_hint")}
        rules={[{ required: true, whitespace: true, message: t("app.required") }]}
      >
        <Input.TextArea autoSize={{ minRows: 4, maxRows: 12 }} maxLength={8000} />
      </Form.Item>
      <Form.Item
        name="department"
        label={t("assign.department")}
        rules={[{ required: true, message: t("app.required") }]}
      >
        <Select
          showSearch={{ optionFilterProp: "label" }}
          onChange={() => form.setFieldValue("owner_email", undefined)}
          options={departments.map((d) => ({ value: d.key, label: d.name || d.key }))}
        />
      </Form.Item>
      {department && department.owners.length === 0 ? (
        <Alert
          type="warning"
          title={t("assign.no_owner")}
          action={<Link to="/settings/departments">{t("assign.to_departments")}</Link>}
          style={{ marginBottom: 16 }}
        />
      ) : (
        <Form.Item name="owner_email" label={t("assign.owner")}>
          <Select
            allowClear
            placeholder={
              department?.owners[0]
                ? `${t("assign.owner_default")}: ${department.owners[0].name || department.owners[0].email}`
                : t("assign.owner_default")
            }
            options={(department?.owners ?? []).map((owner) => ({
              value: owner.email,
              label: owner.name ? `${owner.name} <${owner.email}>` : owner.email,
            }))}
          />
        </Form.Item>
      )}
      <Form.Item name="due" label={t("assign.due")} extra={t("assign.due_hint", { zone: format.zone })}>
        <DatePicker
          showTime={{ format: "HH:mm", minuteStep: 30 }}
          format="YYYY-MM-DD HH:mm"
          minDate={dayjs(today)}
          style={{ width: "100%" }}
        />
      </Form.Item>
      <Form.Item name="measures" label={t("assign.measures")}>
        <Input.TextArea autoSize={{ minRows: 2, maxRows: 8 }} />
      </Form.Item>
      <KindFields />
      <ContractChoice
        contract={proposed.data}
        error={proposed.error}
        pending={proposed.isFetching}
        wish={wish}
        onChange={setWish}
      />
      <Button
        type="primary"
        htmlType="submit"
        block
        loading={assign.isPending}
        disabled={department?.owners.length === 0 || refused !== null}
      >
        {t(session.mail.leaves_machine ? "assign.submit" : "assign.submit_local")}
      </Button>
    </Form>
  );
}

export function AssignDrawer(props: { issue: Issue; open: boolean; onClose: () => void }) {
  const { t } = useTranslation();
  const departments = useDepartments();
  return (
    <Drawer
      title={t("assign.title")}
      open={props.open}
      onClose={props.onClose}
      size={Math.min(620, window.innerWidth)}
      destroyOnHidden
    >
      <ProblemAlert error={departments.error} />
      {departments.data && (
        <AssignForm issue={props.issue} departments={departments.data} onDone={props.onClose} />
      )}
    </Drawer>
  );
}

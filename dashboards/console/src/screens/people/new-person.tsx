import { useState } from "react";
import { Form, Input, Modal, Select } from "antd";
import { api, dataOf } from "../../api/client";
import type { NewPerson } from "../../api/shapes";
import { useWords } from "../../i18n";
import { ActButton, useAct } from "../../parts/act";
import { useThing } from "../../parts/thing";
import { PERSON_KINDS } from "./words";

export function NewPersonButton() {
  const { t } = useWords();
  const { open } = useThing();
  const [shown, setShown] = useState(false);
  const create = useAct((body: NewPerson) => ({
    call: () => dataOf(api.POST("/api/people", { body })),
    refresh: [["people"]],
    done: (person) => {
      setShown(false);
      open("person", person.id);
    },
  }));
  const needed = [{ required: true, message: t("form.needed") }];
  return (
    <>
      <ActButton onClick={() => setShown(true)}>{t("people.new")}</ActButton>
      <Modal title={t("people.new")} open={shown} onCancel={() => setShown(false)} footer={null} destroyOnHidden>
        <Form<NewPerson> layout="vertical" initialValues={{ kind: "student", name_en: "" }} onFinish={(person) => create.mutate(person)}>
          <Form.Item name="id" label={t("people.id")} rules={[...needed, { pattern: /^[A-Za-z0-9_-]{1,40}$/, message: t("people.id_form") }]}><Input /></Form.Item>
          <Form.Item name="name" label={t("people.name")} rules={needed}><Input maxLength={80} /></Form.Item>
          <Form.Item name="name_en" label={t("people.name_en")}><Input maxLength={80} /></Form.Item>
          <Form.Item name="kind" label={t("people.kind")}><Select options={PERSON_KINDS.map((kind) => ({ value: kind, label: t(`person_kind.${kind}`) }))} /></Form.Item>
          <Form.Item name="group" label={t("people.group")} rules={needed}><Input maxLength={80} /></Form.Item>
          <ActButton type="primary" htmlType="submit" loading={create.isPending}>{t("people.new")}</ActButton>
        </Form>
      </Modal>
    </>
  );
}
